"""Another customer owes an invoice from a day on."""

import pytest
from support.collections_examples import after, day, dispute, disputed, eur, invoice, paid, payment, registered

from collections_service.open_items import decisions
from collections_service.open_items.commands import CancelInvoice, ChangeCustomer, UnapplyPayment
from collections_service.open_items.events import InvoiceCustomerChanged
from collections_service.open_items.refusals import InvoiceDiffers, InvoiceIsCancelled, InvoiceNotRegistered
from collections_service.open_items.state import OpenItem


def moved(to: str = "C-2", on: int = 50) -> ChangeCustomer:
    return ChangeCustomer(invoice_id="INV-1", customer_id=to, changed_on=day(on))


def owes(item: OpenItem, *days: int) -> list[str]:
    return [item.customer_on(day(each)) for each in days]


def test_another_customer_owes_it_from_that_day_and_not_before() -> None:
    events = decisions.change_customer(moved(), registered())

    assert events == [
        InvoiceCustomerChanged(customer_id="C-2", previous_customer_id="C-1", changed_on=day(50), effective_on=day(50))
    ]
    item = after(events, registered())
    assert owes(item, 10, 49, 50, 300) == ["C-1", "C-1", "C-2", "C-2"]
    assert item.terms is not None
    assert item.terms.customer_id == "C-2"


def test_what_was_paid_stays_paid_and_what_is_taken_off_is_open_for_the_new_customer() -> None:
    item = paid(registered(100_000), payment(40_000))
    item = after(decisions.change_customer(moved(), item), item)
    assert item.open_minor == 60_000

    off = UnapplyPayment(source="sap", payment_id="P-1", unapplied_on=day(60), amount=eur(40_000))
    assert after(decisions.unapply_payment(off, item), item).open_minor == 100_000


def test_what_disputes_hold_stays_until_dispute_service_has_compared_them() -> None:
    item = disputed(registered(100_000), dispute(30_000))
    item = after(decisions.change_customer(moved(), item), item)
    assert item.held_minor == 30_000

    assert disputed(item, dispute(0, version=2, on=50, outcome="mismatch-found")).held_minor == 0


def test_it_counts_from_the_day_of_the_invoice_at_the_earliest() -> None:
    item = after(decisions.change_customer(moved(on=1), registered()), registered())
    assert owes(item, 10, 50) == ["C-2", "C-2"]


def test_the_same_again_is_so_already_and_a_day_further_back_is_news() -> None:
    item = after(decisions.change_customer(moved(), registered()), registered())

    assert decisions.change_customer(moved(), item) == []
    assert decisions.change_customer(moved(on=60), item) == []
    assert decisions.change_customer(moved("C-1", on=20), registered()) == []
    item = after(decisions.change_customer(moved(on=40), item), item)
    assert owes(item, 39, 40, 50) == ["C-1", "C-2", "C-2"]


def test_what_is_said_last_counts_from_its_day_on() -> None:
    item = after(decisions.change_customer(moved(), registered()), registered())
    (third,) = decisions.change_customer(moved("C-3", on=40), item)
    item = after([third], item)
    assert owes(item, 39, 40, 50) == ["C-1", "C-3", "C-3"]

    (back,) = decisions.change_customer(moved("C-1", on=70), item)
    assert owes(after([back], item), 39, 60, 70) == ["C-1", "C-3", "C-1"]


def test_the_invoice_as_it_came_told_again_is_refused_with_the_customer_it_has_now() -> None:
    item = after(decisions.change_customer(moved(), registered()), registered())
    with pytest.raises(InvoiceDiffers, match=r"customer C-2, not C-1; .* its customer by invoice-customer-changed"):
        decisions.register(invoice(), item)


def test_an_invoice_that_is_not_known_or_cancelled_does_not_move() -> None:
    with pytest.raises(InvoiceNotRegistered):
        decisions.change_customer(moved(), OpenItem())
    gone = after(decisions.cancel(CancelInvoice(invoice_id="INV-1", cancelled_on=day(30)), registered()), registered())
    with pytest.raises(InvoiceIsCancelled):
        decisions.change_customer(moved(), gone)
