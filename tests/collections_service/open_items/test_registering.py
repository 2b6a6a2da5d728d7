from decimal import Decimal

import pytest
from msgspec.structs import replace
from support.collections_examples import after, day, dispute, disputed, eur, invoice, paid, payment, registered

from collections_service.open_items import decisions
from collections_service.open_items.commands import CorrectInvoice
from collections_service.open_items.events import (
    CashDiscount,
    HoldPlaced,
    InvoiceCorrected,
    InvoiceRegistered,
    Line,
    Step,
)
from collections_service.open_items.refusals import (
    BelowSettledAmount,
    CannotBeCorrected,
    InvoiceDiffers,
    InvoiceNotRegistered,
)
from collections_service.open_items.state import OpenItem


def test_a_posted_invoice_is_open_in_full() -> None:
    (event,) = decisions.register(invoice(100_000), OpenItem())

    assert isinstance(event, InvoiceRegistered)
    assert registered(100_000).open_minor == 100_000


def test_the_same_invoice_again_changes_nothing() -> None:
    assert decisions.register(invoice(100_000), registered(100_000)) == []


def test_the_same_number_with_another_total_is_refused_by_name() -> None:
    with pytest.raises(InvoiceDiffers, match=r"registered with total 1000.00 EUR, not 999.00 EUR"):
        decisions.register(invoice(99_900), registered(100_000))


LINE = Line(line="10", amount=eur(60_000), description="pump", quantity="2", unit_price="300.00")


@pytest.mark.parametrize(
    ("sent", "differs"),
    [
        ({"tax": eur(15_966)}, "tax none, not 159.66 EUR"),
        ({"po_number": "PO-7"}, "order number none, not PO-7"),
        ({"discount": CashDiscount(Decimal(2), 10)}, "cash discount none, not 2 % within 10 days"),
        ({"lines": (LINE,)}, "number of lines 0, not 1"),
    ],
)
def test_the_same_number_with_other_content_is_refused_with_what_differs(sent: dict[str, object], differs: str) -> None:
    with pytest.raises(InvoiceDiffers, match=f"already registered with {differs}"):
        decisions.register(replace(invoice(100_000), **sent), registered(100_000))


@pytest.mark.parametrize(
    ("sent", "differs"),
    [
        ({"line": "20"}, "line 10, not 20"),
        ({"amount": eur(50_000)}, "amount of line 10 600.00 EUR, not 500.00 EUR"),
        ({"description": None}, "description of line 10 pump, not none"),
        ({"quantity": "3"}, "quantity of line 10 2, not 3"),
        ({"unit_price": "200"}, "unit price of line 10 300.00, not 200"),
    ],
)
def test_the_same_number_with_other_lines_is_refused_with_the_line(sent: dict[str, object], differs: str) -> None:
    known = after(decisions.register(replace(invoice(100_000), lines=(LINE,)), OpenItem()))

    with pytest.raises(InvoiceDiffers, match=f"already registered with {differs}"):
        decisions.register(replace(invoice(100_000), lines=(replace(LINE, **sent),)), known)
    assert decisions.register(replace(invoice(100_000), lines=(LINE,)), known) == []


def correction(**fields: object) -> CorrectInvoice:
    return replace(CorrectInvoice(invoice_id="INV-1", corrected_on=day(35)), **fields)


def test_a_corrected_total_counts_from_the_day_of_the_correction() -> None:
    (event,) = decisions.correct(correction(total=eur(80_000)), registered(100_000))

    assert isinstance(event, InvoiceCorrected)
    assert (event.total, event.effective_on) == (eur(80_000), day(35))


def test_a_correction_to_what_it_is_already_changes_nothing() -> None:
    assert decisions.correct(correction(total=eur(100_000), due_on=day(40)), registered(100_000)) == []


def test_a_correction_below_what_is_paid_is_refused() -> None:
    item = paid(registered(100_000), payment(90_000))

    with pytest.raises(BelowSettledAmount, match=r"cannot become 800.00 EUR: 900.00 EUR is paid or credited"):
        decisions.correct(correction(total=eur(80_000)), item)


def test_a_correction_waits_for_its_invoice() -> None:
    with pytest.raises(InvoiceNotRegistered):
        decisions.correct(correction(total=eur(80_000)), OpenItem())


def test_the_customer_of_an_invoice_is_not_corrected_and_the_refusal_says_what_to_send() -> None:
    told = r"customer of invoice INV-1 is C-1 and cannot become C-2; send invoice-customer-changed"
    with pytest.raises(CannotBeCorrected, match=told):
        decisions.correct(correction(customer_id="C-2"), registered())


def test_a_dispute_known_before_its_invoice_holds_as_soon_as_the_invoice_arrives() -> None:
    unknown = disputed(OpenItem(), dispute(30_000, on=20))

    events = decisions.register(invoice(100_000), unknown)

    assert [type(event) for event in events] == [InvoiceRegistered, HoldPlaced]
    assert events[1] == HoldPlaced(dispute_id="dsp_1", steps=(Step(day(20), 30_000),), held=eur(30_000))
