import pytest
from support.collections_examples import FIRST_TOLERANCE, after, day, eur, invoice, registered

from collections_service.open_items import decisions as open_item
from collections_service.open_items.events import CreditMemoApplied, PaymentApplied, PaymentReversed
from collections_service.open_items.refusals import InvoiceNotRegistered
from collections_service.open_items.state import OpenItem
from collections_service.receipts import decisions
from collections_service.receipts.commands import (
    NamedInvoice,
    PostCreditMemo,
    ReceiptName,
    ReceivePayment,
    ReverseReceipt,
)
from collections_service.receipts.events import Allocation, CreditMemoPosted, PaymentReceived, ReceiptReversed
from collections_service.receipts.refusals import (
    AllocationsExceedAmount,
    InvoiceNamedTwice,
    ReceiptDiffers,
    ReceiptNotKnown,
)
from collections_service.receipts.state import Receipt, evolve


def received(amount: int, **named: int) -> ReceivePayment:
    return ReceivePayment(
        source="sap",
        payment_id="P-1",
        customer_id="C-1",
        received_on=day(30),
        amount=eur(amount),
        allocations=tuple(NamedInvoice(invoice_id, eur(minor)) for invoice_id, minor in named.items()),
    )


def reversal(payment_id: str, on: int) -> ReverseReceipt:
    receipt = ReceiptName(kind="payment", source="sap", number=payment_id)
    return ReverseReceipt(receipt=receipt, reversal_id=f"reversal {payment_id} {on}", reversed_on=day(on))


def two_invoices() -> dict[str, OpenItem]:
    return {
        "A": after(open_item.register(invoice(1_000, invoice_id="A"), OpenItem())),
        "B": after(open_item.register(invoice(2_000, invoice_id="B"), OpenItem())),
    }


def test_one_payment_pays_every_invoice_it_names() -> None:
    applied = decisions.receive(received(3_000, A=1_000, B=2_000), Receipt(), two_invoices(), FIRST_TOLERANCE)

    assert [type(event) for events in applied.invoices.values() for event in events] == [PaymentApplied] * 2
    (event,) = applied.receipt
    assert isinstance(event, PaymentReceived)
    assert event.unapplied == eur(0)


def test_what_no_invoice_takes_is_unapplied_cash() -> None:
    (event,) = decisions.receive(received(5_000, A=4_000), Receipt(), two_invoices(), FIRST_TOLERANCE).receipt

    assert isinstance(event, PaymentReceived)
    assert event.allocations == (Allocation(invoice_id="A", named=eur(4_000), applied=eur(1_000), applied_on=day(30)),)
    assert event.unapplied == eur(4_000)


def test_a_payment_without_allocations_is_unapplied_in_full() -> None:
    (event,) = decisions.receive(received(700), Receipt(), {}, FIRST_TOLERANCE).receipt

    assert isinstance(event, PaymentReceived)
    assert event.unapplied == eur(700)


def test_a_payment_waits_until_every_invoice_it_names_is_known() -> None:
    items = {**two_invoices(), "C": OpenItem()}

    with pytest.raises(InvoiceNotRegistered) as refused:
        decisions.receive(received(3_000, A=1_000, C=2_000), Receipt(), items, FIRST_TOLERANCE)
    assert refused.value.invoice_id == "C"


def test_more_allocated_than_received_is_refused() -> None:
    with pytest.raises(AllocationsExceedAmount, match=r"add up to 30.00 EUR, which is more than 29.99 EUR"):
        decisions.receive(received(2_999, A=1_000, B=2_000), Receipt(), two_invoices(), FIRST_TOLERANCE)


def test_an_invoice_named_twice_is_refused() -> None:
    command = ReceivePayment(
        source="sap",
        payment_id="P-1",
        customer_id="C-1",
        received_on=day(30),
        amount=eur(20),
        allocations=(NamedInvoice("A", eur(10)), NamedInvoice("A", eur(10))),
    )
    with pytest.raises(InvoiceNamedTwice):
        decisions.receive(command, Receipt(), two_invoices(), FIRST_TOLERANCE)


def known(command: ReceivePayment) -> Receipt:
    (event,) = decisions.receive(command, Receipt(), two_invoices(), FIRST_TOLERANCE).receipt
    return evolve(Receipt(), event)


def test_the_same_payment_again_changes_nothing() -> None:
    command = received(1_000, A=1_000)

    again = decisions.receive(command, known(command), two_invoices(), FIRST_TOLERANCE)

    assert (again.receipt, again.invoices) == ((), {})


def test_the_same_payment_id_with_another_amount_is_refused() -> None:
    with pytest.raises(ReceiptDiffers):
        decisions.receive(received(900, A=900), known(received(1_000, A=1_000)), two_invoices(), FIRST_TOLERANCE)


def test_a_reversal_reopens_the_invoices_and_takes_the_unapplied_cash() -> None:
    items = two_invoices()
    applied = decisions.receive(received(5_000, A=4_000), Receipt(), items, FIRST_TOLERANCE)
    items["A"] = after(applied.invoices["A"], items["A"])
    receipt = evolve(Receipt(), applied.receipt[0])

    back = decisions.reverse(reversal("P-1", on=35), receipt, items)

    assert [type(event) for event in back.invoices["A"]] == [PaymentReversed]
    (event,) = back.receipt
    assert isinstance(event, ReceiptReversed)
    assert (event.returned, event.unapplied_returned) == (eur(5_000), eur(4_000))
    reversed_receipt = evolve(receipt, event)
    again = decisions.reverse(reversal("P-1", on=35), reversed_receipt, items)
    assert (again.receipt, again.invoices) == ((), {})


def test_a_reversal_waits_for_its_payment() -> None:
    with pytest.raises(ReceiptNotKnown):
        decisions.reverse(reversal("P-9", on=35), Receipt(), {})


def test_a_credit_memo_beyond_the_open_amount_leaves_credit_on_account() -> None:
    command = PostCreditMemo(
        source="sap",
        credit_memo_id="CM-1",
        legal_entity="DE01",
        customer_id="C-1",
        issued_on=day(30),
        total=eur(150_000),
        allocations=(NamedInvoice("INV-1", eur(150_000)),),
    )
    applied = decisions.post_credit_memo(command, Receipt(), {"INV-1": registered(100_000)})

    assert [type(event) for event in applied.invoices["INV-1"]] == [CreditMemoApplied]
    (event,) = applied.receipt
    assert isinstance(event, CreditMemoPosted)
    assert event.unapplied == eur(50_000)
