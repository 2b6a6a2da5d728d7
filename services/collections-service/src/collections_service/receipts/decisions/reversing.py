"""A receipt comes back."""

from collections.abc import Mapping, Sequence

from collections_service.open_items import decisions as open_item
from collections_service.open_items.commands import ReverseCreditMemo, ReversePayment
from collections_service.open_items.events import OpenItemEvent
from collections_service.open_items.state import OpenItem, first_day_with_room
from collections_service.receipts.commands import ReverseReceipt
from collections_service.receipts.decisions.allocating import (
    NOTHING,
    CashApplication,
    allocated,
    known_receipt,
    same_step,
    taken_back,
)
from collections_service.receipts.events import CreditMemoCancelled, ReceiptEvent, ReceiptReversed, TakenBack
from collections_service.receipts.refusals import (
    AllocationsExceedAmount,
    InvoiceNamedTwice,
    NotOnInvoice,
    ReceiptCurrencyDiffers,
    ReversalExceedsReceipt,
)
from collections_service.receipts.state import Happened, Receipt, RecordedReceipt
from redress.money import Money


def reverse(command: ReverseReceipt, receipt: Receipt, items: Mapping[str, OpenItem]) -> CashApplication:
    """A payment comes back, or a credit memo is cancelled, as a whole or in part: what is taken off invoices is open
    there again, what was unapplied is gone.

    It is taken from the invoices that the message names; then from what no invoice has; then from the newest
    application, and within one from the invoice that was named last.
    """
    recorded = known_receipt(command.receipt, receipt)
    if _is_reversed_already(command, recorded):
        return NOTHING
    left = recorded.amount - recorded.returned - recorded.refunded
    amount = command.amount or left
    if amount.currency != recorded.amount.currency:
        raise ReceiptCurrencyDiffers(recorded.receipt_id, recorded.amount.currency, amount.currency)
    if left < amount or not amount.minor:
        raise ReversalExceedsReceipt(recorded.receipt_id, command.amount or recorded.amount, left)
    from_unapplied, from_invoices = _where_from(command, recorded, amount.minor)
    back: list[TakenBack] = []
    invoices: dict[str, tuple[OpenItemEvent, ...]] = {}
    for key, minor in from_invoices.items():
        events = _undone(command, recorded, Money(minor, amount.currency), items[key])
        invoices[key] = tuple(events)
        back += taken_back(key, events)
    return CashApplication((_reversal(command, recorded, amount, from_unapplied, back),), invoices)


def _is_reversed_already(command: ReverseReceipt, recorded: RecordedReceipt) -> bool:
    known = recorded.known("reversed", command.reversal_id)
    if known is not None:
        amounts = known.amounts if command.amount is None else (("", command.amount.minor),)
        sent = Happened(kind="reversed", name=command.reversal_id, on=command.reversed_on, amounts=amounts)
        same_step(known, sent)
        return True
    if recorded.presented_before and command.reversed_on < recorded.received_on:
        return True  # it is the presentation before this one that came back on that day
    return recorded.is_back and command.amount in (None, recorded.amount)


def _where_from(command: ReverseReceipt, recorded: RecordedReceipt, minor: int) -> tuple[int, dict[str, int]]:
    """How much is taken from what no invoice has, and how much from each invoice, by its key."""
    there = recorded.by_invoice
    from_invoices: dict[str, int] = {}
    for place, each in enumerate(command.allocations):
        if each.key in from_invoices:
            raise InvoiceNamedTwice(each.invoice_id)
        if each.amount.minor > there[each.key]:
            has = Money(there[each.key], recorded.amount.currency)
            raise NotOnInvoice(recorded.receipt_id, each.invoice_id, each.amount, has).at("allocations", place)
        from_invoices[each.key] = each.amount.minor
    left = minor - sum(from_invoices.values())
    if left < 0:
        sum_named = allocated(command.allocations, recorded.amount.currency)
        raise AllocationsExceedAmount(sum_named, Money(minor, recorded.amount.currency)).at("allocations")
    from_unapplied = min(left, recorded.unapplied.minor)
    left -= from_unapplied
    for application in reversed(recorded.applications):
        taken = from_invoices.get(application.key, 0)
        if part := min(left, application.minor, there[application.key] - taken):
            from_invoices[application.key] = taken + part
            left -= part
    return from_unapplied, from_invoices


def _undone(command: ReverseReceipt, recorded: RecordedReceipt, amount: Money, item: OpenItem) -> list[OpenItemEvent]:
    if recorded.kind == "payment":
        payment = ReversePayment(
            source=recorded.source,
            payment_id=recorded.receipt_id,
            reversed_on=command.reversed_on,
            amount=amount,
        )
        return open_item.reverse_payment(payment, item)
    credit = ReverseCreditMemo(
        source=recorded.source,
        credit_memo_id=recorded.receipt_id,
        reversed_on=command.reversed_on,
        amount=amount,
    )
    return open_item.reverse_credit_memo(credit, item)


def _reversal(
    command: ReverseReceipt, recorded: RecordedReceipt, amount: Money, from_unapplied: int, back: Sequence[TakenBack]
) -> ReceiptEvent:
    from_day = max(command.reversed_on, recorded.received_on)
    effective_on = first_day_with_room(recorded.cash, from_day, from_unapplied) if from_unapplied else from_day
    unapplied = Money(from_unapplied, amount.currency)
    if recorded.kind == "payment":
        return ReceiptReversed(
            payment_id=recorded.receipt_id,
            customer_id=recorded.customer_id,
            received_on=recorded.received_on,
            reversed_on=command.reversed_on,
            effective_on=effective_on,
            returned=amount,
            unapplied_returned=unapplied,
            reason=command.reason,
            reversal_id=command.reversal_id,
            back=tuple(back),
        )
    return CreditMemoCancelled(
        credit_memo_id=recorded.receipt_id,
        customer_id=recorded.customer_id,
        issued_on=recorded.received_on,
        reversed_on=command.reversed_on,
        effective_on=effective_on,
        returned=amount,
        unapplied_returned=unapplied,
        reversal_id=command.reversal_id,
        back=tuple(back),
        reason=command.reason,
    )
