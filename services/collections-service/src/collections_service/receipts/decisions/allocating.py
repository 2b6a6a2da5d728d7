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
from collections_service.open_items.identity import named_by
from collections_service.open_items.refusals import InvoiceNotRegistered
from collections_service.open_items.state import OpenItem
from collections_service.receipts.commands import NamedInvoice, ReceiptName
from collections_service.receipts.events import Allocation, ReceiptEvent, TakenBack
from collections_service.receipts.refusals import InvoiceNamedTwice, ReceiptNotKnown, StepDiffers
from collections_service.receipts.state import Happened, Receipt, RecordedReceipt
from redress.money import Money


class CashApplication(Struct, frozen=True):
    """The events of the receipt and of each invoice it touches, by its key; nothing in either means "already so"."""

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


def taken_back(key: str, events: Iterable[OpenItemEvent]) -> list[TakenBack]:
    invoice_id, own_entity = named_by(key)
    return [
        TakenBack(invoice_id=invoice_id, amount=event.amount, effective_on=event.effective_on, legal_entity=own_entity)
        for event in events
        if isinstance(event, PaymentReversed | PaymentUnapplied | CreditMemoReversed | CreditMemoUnapplied)
    ]


def allocated(allocations: Sequence[NamedInvoice], currency: str) -> Money:
    for key, times in Counter(each.key for each in allocations).items():
        if times > 1:
            raise InvoiceNamedTwice(named_by(key)[0])
    return reduce(lambda left, each: left + each.amount, allocations, Money(0, currency))


def all_known(allocations: Sequence[NamedInvoice], items: Mapping[str, OpenItem]) -> None:
    for each in allocations:
        if items[each.key].terms is None:
            raise InvoiceNotRegistered(each.invoice_id, each.legal_entity)


def allocation(named: NamedInvoice, events: Sequence[OpenItemEvent]) -> Allocation:
    for event in events:
        if isinstance(event, PaymentApplied | CreditMemoApplied):
            return Allocation(
                invoice_id=named.invoice_id,
                named=named.amount,
                applied=event.amount,
                applied_on=event.applied_on,
                dispute_id=named.dispute_id,
                legal_entity=named.legal_entity,
            )
    return Allocation(
        invoice_id=named.invoice_id,
        named=named.amount,
        applied=Money(0, named.amount.currency),
        applied_on=None,
        dispute_id=named.dispute_id,
        legal_entity=named.legal_entity,
    )
