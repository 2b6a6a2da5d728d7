"""Cash application: one receipt and every invoice it names, decided together so that they are appended together.

Allocations are applied as given, each as far as its invoice is open. The part that no invoice takes stays on the
receipt as unapplied cash (or credit on account) and is recorded as such; no money is lost in rounding or overpayment.
"""

from collections.abc import Mapping, Sequence
from functools import reduce

from msgspec import Struct

from collections_service.open_items import decisions as open_item
from collections_service.open_items.commands import ApplyCreditMemo, ApplyPayment, ReversePayment
from collections_service.open_items.events import CreditMemoApplied, OpenItemEvent, PaymentApplied
from collections_service.open_items.refusals import InvoiceNotRegistered
from collections_service.open_items.state import OpenItem
from collections_service.receipts.commands import NamedInvoice, PostCreditMemo, ReceivePayment, ReverseReceipt
from collections_service.receipts.events import (
    Allocation,
    CreditMemoPosted,
    PaymentReceived,
    ReceiptEvent,
    ReceiptReversed,
)
from collections_service.receipts.refusals import (
    AllocationsExceedAmount,
    InvoiceNamedTwice,
    ReceiptDiffers,
    ReceiptNotKnown,
    ReversalNotWhole,
)
from collections_service.receipts.state import Receipt, RecordedReceipt
from collections_service.short_payments.tolerance import ShortPaymentTolerance
from redress.money import Money, total
from redress.policy.state import PolicyInForce


class CashApplication(Struct, frozen=True):
    """The events of the receipt and of each invoice it touches; nothing in either means "already so"."""

    receipt: tuple[ReceiptEvent, ...]
    invoices: dict[str, tuple[OpenItemEvent, ...]]


def receive(
    command: ReceivePayment,
    receipt: Receipt,
    items: Mapping[str, OpenItem],
    tolerance: PolicyInForce[ShortPaymentTolerance],
) -> CashApplication:
    """A payment and its effect on the invoices it names. `items` has the state of each of them."""
    if receipt.recorded is not None:
        if not _same(receipt.recorded, command.customer_id, command.amount, command.allocations, command.received_on):
            raise ReceiptDiffers(command.payment_id)
        return CashApplication((), {})
    _check(command.amount, command.allocations, items)
    allocations: list[Allocation] = []
    invoices: dict[str, tuple[OpenItemEvent, ...]] = {}
    for named in command.allocations:
        apply = ApplyPayment(
            source=command.source,
            payment_id=command.payment_id,
            received_on=command.received_on,
            named=named.amount,
            remittance_reason=command.remittance_reason,
            payment_claim=command.claim_number,
            claim_number=named.claim_number,
            settles_in_full=named.settles_in_full,
            withheld_tax=named.withheld_tax,
        )
        events = open_item.apply_payment(apply, items[named.invoice_id], tolerance)
        invoices[named.invoice_id] = tuple(events)
        allocations.append(_allocation(named, events))
    received = PaymentReceived(
        source=command.source,
        payment_id=command.payment_id,
        customer_id=command.customer_id,
        received_on=command.received_on,
        amount=command.amount,
        allocations=tuple(allocations),
        unapplied=command.amount - total((a.applied for a in allocations), command.amount.currency),
        remittance_reason=command.remittance_reason,
    )
    return CashApplication((received,), invoices)


def post_credit_memo(command: PostCreditMemo, receipt: Receipt, items: Mapping[str, OpenItem]) -> CashApplication:
    """A credit memo and its effect on the invoices it names; the excess is credit on account."""
    if receipt.recorded is not None:
        if not _same(receipt.recorded, command.customer_id, command.total, command.allocations, command.issued_on):
            raise ReceiptDiffers(command.credit_memo_id)
        return CashApplication((), {})
    _check(command.total, command.allocations, items)
    allocations: list[Allocation] = []
    invoices: dict[str, tuple[OpenItemEvent, ...]] = {}
    for named in command.allocations:
        apply = ApplyCreditMemo(
            source=command.source,
            credit_memo_id=command.credit_memo_id,
            issued_on=command.issued_on,
            named=named.amount,
        )
        events = open_item.apply_credit_memo(apply, items[named.invoice_id])
        invoices[named.invoice_id] = tuple(events)
        allocations.append(_allocation(named, events))
    posted = CreditMemoPosted(
        source=command.source,
        credit_memo_id=command.credit_memo_id,
        legal_entity=command.legal_entity,
        customer_id=command.customer_id,
        issued_on=command.issued_on,
        total=command.total,
        allocations=tuple(allocations),
        unapplied=command.total - total((a.applied for a in allocations), command.total.currency),
    )
    return CashApplication((posted,), invoices)


def reverse(command: ReverseReceipt, receipt: Receipt, items: Mapping[str, OpenItem]) -> CashApplication:
    """The whole payment comes back: what was applied reopens its invoices, what was unapplied is gone."""
    recorded = receipt.recorded
    if recorded is None or recorded.kind != "payment":
        raise ReceiptNotKnown(command.payment_id)
    if command.amount is not None and command.amount != recorded.amount:
        raise ReversalNotWhole(command.payment_id, command.amount, recorded.amount)
    if recorded.returned.minor:
        return CashApplication((), {})
    invoices: dict[str, tuple[OpenItemEvent, ...]] = {}
    for allocation in recorded.allocations:
        undo = ReversePayment(source=command.source, payment_id=command.payment_id, reversed_on=command.reversed_on)
        if events := open_item.reverse_payment(undo, items[allocation.invoice_id]):
            invoices[allocation.invoice_id] = tuple(events)
    returned = ReceiptReversed(
        payment_id=command.payment_id,
        customer_id=recorded.customer_id,
        received_on=recorded.received_on,
        reversed_on=command.reversed_on,
        effective_on=max(command.reversed_on, recorded.received_on),
        returned=recorded.amount,
        unapplied_returned=recorded.unapplied,
        reason=command.reason,
    )
    return CashApplication((returned,), invoices)


def _check(amount: Money, allocations: Sequence[NamedInvoice], items: Mapping[str, OpenItem]) -> None:
    names = [named.invoice_id for named in allocations]
    for invoice_id in names:
        if names.count(invoice_id) > 1:
            raise InvoiceNamedTwice(invoice_id)
    allocated = reduce(lambda left, named: left + named.amount, allocations, Money(0, amount.currency))
    if amount < allocated:
        raise AllocationsExceedAmount(allocated, amount)
    for invoice_id in names:
        if items[invoice_id].terms is None:
            raise InvoiceNotRegistered(invoice_id)


def _allocation(named: NamedInvoice, events: Sequence[OpenItemEvent]) -> Allocation:
    for event in events:
        if isinstance(event, PaymentApplied | CreditMemoApplied):
            return Allocation(
                invoice_id=named.invoice_id, named=named.amount, applied=event.amount, applied_on=event.applied_on
            )
    nothing = Money(0, named.amount.currency)
    return Allocation(invoice_id=named.invoice_id, named=named.amount, applied=nothing, applied_on=None)


def _same(
    recorded: RecordedReceipt, customer_id: str, amount: Money, named: Sequence[NamedInvoice], on: object
) -> bool:
    allocations = [(allocation.invoice_id, allocation.named) for allocation in recorded.allocations]
    return (recorded.customer_id, recorded.amount, recorded.received_on, allocations) == (
        customer_id,
        amount,
        on,
        [(each.invoice_id, each.amount) for each in named],
    )
