"""The parts that the families of decisions share."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import reduce

from msgspec import Struct

from collections_service.open_items.events import (
    CreditMemoApplied,
    CreditMemoReversed,
    CreditMemoUnapplied,
    OpenItemEvent,
    PaymentApplied,
    PaymentReversed,
    PaymentUnapplied,
)
from collections_service.open_items.refusals import InvoiceNotRegistered
from collections_service.open_items.state import OpenItem
from collections_service.receipts.commands import NamedInvoice, ReceiptName
from collections_service.receipts.events import Allocation, ReceiptEvent, TakenBack
from collections_service.receipts.refusals import InvoiceNamedTwice, ReceiptNotKnown, StepDiffers
from collections_service.receipts.state import Happened, Receipt, RecordedReceipt
from redress.money import Money


class CashApplication(Struct, frozen=True):
    """The events of the receipt and of each invoice it touches; nothing in either means "already so"."""

    receipt: tuple[ReceiptEvent, ...]
    invoices: dict[str, tuple[OpenItemEvent, ...]]


NOTHING = CashApplication((), {})


def known_receipt(name: ReceiptName, receipt: Receipt) -> RecordedReceipt:
    if receipt.recorded is None:
        raise ReceiptNotKnown(name.number, name.kind)
    return receipt.recorded


def same_step(known: Happened, sent: Happened) -> None:
    if known != sent:
        raise StepDiffers(sent.kind, sent.name)


def taken_back(invoice_id: str, events: Iterable[OpenItemEvent]) -> list[TakenBack]:
    return [
        TakenBack(invoice_id=invoice_id, amount=event.amount, effective_on=event.effective_on)
        for event in events
        if isinstance(event, PaymentReversed | PaymentUnapplied | CreditMemoReversed | CreditMemoUnapplied)
    ]


def allocated(allocations: Sequence[NamedInvoice], currency: str) -> Money:
    for invoice_id, times in Counter(each.invoice_id for each in allocations).items():
        if times > 1:
            raise InvoiceNamedTwice(invoice_id)
    return reduce(lambda left, each: left + each.amount, allocations, Money(0, currency))


def all_known(allocations: Sequence[NamedInvoice], items: Mapping[str, OpenItem]) -> None:
    for each in allocations:
        if items[each.invoice_id].terms is None:
            raise InvoiceNotRegistered(each.invoice_id)


def allocation(named: NamedInvoice, events: Sequence[OpenItemEvent]) -> Allocation:
    for event in events:
        if isinstance(event, PaymentApplied | CreditMemoApplied):
            return Allocation(
                invoice_id=named.invoice_id,
                named=named.amount,
                applied=event.amount,
                applied_on=event.applied_on,
                dispute_id=named.dispute_id,
            )
    nothing = Money(0, named.amount.currency)
    return Allocation(
        invoice_id=named.invoice_id, named=named.amount, applied=nothing, applied_on=None, dispute_id=named.dispute_id
    )
