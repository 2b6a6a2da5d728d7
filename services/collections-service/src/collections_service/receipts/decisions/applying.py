"""The ERP applies an earlier receipt to invoices, or takes it off them."""

from collections import Counter
from collections.abc import Mapping, Sequence

from collections_service.open_items import decisions as open_item
from collections_service.open_items.commands import ApplyCreditMemo, ApplyPayment, UnapplyCreditMemo, UnapplyPayment
from collections_service.open_items.events import OpenItemEvent
from collections_service.open_items.state import OpenItem, first_day_with_room
from collections_service.receipts.commands import ApplyReceipt, NamedInvoice, TakenOff, UnapplyReceipt
from collections_service.receipts.decisions.allocating import (
    NOTHING,
    CashApplication,
    all_known,
    allocated,
    allocation,
    known_receipt,
    same_step,
    taken_back,
)
from collections_service.receipts.events import Allocation, ReceiptApplied, ReceiptUnapplied, TakenBack
from collections_service.receipts.refusals import (
    InvoiceNamedTwice,
    NotOnInvoice,
    ReceiptCurrencyDiffers,
    UnappliedExceeded,
)
from collections_service.receipts.state import Happened, Receipt, RecordedReceipt
from redress.money import Money, total


def apply(command: ApplyReceipt, receipt: Receipt, items: Mapping[str, OpenItem]) -> CashApplication:
    """Invoices take what was unapplied of an earlier receipt, each as far as it is open, and never more than was
    unapplied. What stays open is not judged: no payer has named an amount."""
    recorded = known_receipt(command.receipt, receipt)
    named = tuple((each.key, each.amount.minor) for each in command.allocations)
    known = recorded.known("applied", command.application_id)
    if known is not None:
        same_step(known, Happened(kind="applied", name=command.application_id, on=command.applied_on, amounts=named))
        return NOTHING
    wanted = allocated(command.allocations, _in_currency_of(recorded, command.allocations))
    if recorded.unapplied < wanted:
        raise UnappliedExceeded(command.receipt.number, wanted, recorded.unapplied).at("allocations")
    all_known(command.allocations, items)
    from_day = first_day_with_room(recorded.cash, max(command.applied_on, recorded.received_on), wanted.minor)
    allocations: list[Allocation] = []
    invoices: dict[str, tuple[OpenItemEvent, ...]] = {}
    for each in command.allocations:
        item = items[each.key]
        if recorded.kind == "payment":
            payment = ApplyPayment(
                source=recorded.source,
                payment_id=recorded.receipt_id,
                received_on=recorded.received_on,
                named=each.amount,
                from_day=from_day,
                under_protest=_is_under_protest(command, recorded, item),
            )
            events = open_item.apply_cash(payment, item)
        else:
            credit = ApplyCreditMemo(
                source=recorded.source,
                credit_memo_id=recorded.receipt_id,
                issued_on=recorded.received_on,
                named=each.amount,
                from_day=from_day,
            )
            events = open_item.apply_credit_memo(credit, item)
        invoices[each.key] = tuple(events)
        allocations.append(allocation(each, events))
    applied = ReceiptApplied(
        application_id=command.application_id,
        receipt_id=recorded.receipt_id,
        customer_id=recorded.customer_id,
        applied_on=command.applied_on,
        allocations=tuple(allocations),
        applied=total((each.applied for each in allocations), recorded.amount.currency),
    )
    return CashApplication((applied,), invoices)


def _is_under_protest(command: ApplyReceipt, recorded: RecordedReceipt, item: OpenItem) -> bool:
    """Taking a payment off an invoice and applying it again says nothing about what its payer protested against."""
    if command.under_protest is not None:
        return command.under_protest
    return item.was_paid_under_protest(recorded.source, recorded.receipt_id)


def unapply(command: UnapplyReceipt, receipt: Receipt, items: Mapping[str, OpenItem]) -> CashApplication:
    """Take a receipt off invoices. What they had of it is unapplied again, and open there."""
    recorded = known_receipt(command.receipt, receipt)
    known = recorded.known("unapplied", command.application_id)
    if known is not None:
        same_step(known, _as_unapplied(command, known))
        return NOTHING
    if command.currency != recorded.amount.currency:
        raise ReceiptCurrencyDiffers(recorded.receipt_id, recorded.amount.currency, command.currency)
    wanted = _taken_off(command.allocations, recorded)
    back: list[TakenBack] = []
    invoices: dict[str, tuple[OpenItemEvent, ...]] = {}
    for key, minor in wanted.items():
        amount = Money(minor, recorded.amount.currency)
        events: list[OpenItemEvent]
        if recorded.kind == "payment":
            payment = UnapplyPayment(
                source=recorded.source,
                payment_id=recorded.receipt_id,
                unapplied_on=command.unapplied_on,
                amount=amount,
            )
            events = open_item.unapply_payment(payment, items[key])
        else:
            credit = UnapplyCreditMemo(
                source=recorded.source,
                credit_memo_id=recorded.receipt_id,
                unapplied_on=command.unapplied_on,
                amount=amount,
            )
            events = open_item.unapply_credit_memo(credit, items[key])
        invoices[key] = tuple(events)
        back += taken_back(key, events)
    unapplied = ReceiptUnapplied(
        application_id=command.application_id,
        receipt_id=recorded.receipt_id,
        customer_id=recorded.customer_id,
        unapplied_on=command.unapplied_on,
        back=tuple(back),
        unapplied=total((each.amount for each in back), recorded.amount.currency),
    )
    return CashApplication((unapplied,), invoices)


def _as_unapplied(command: UnapplyReceipt, known: Happened) -> Happened:
    """The command as it was recorded, an amount that it does not say being the one that was found."""
    found: Counter[str] = Counter()
    for key, minor in known.amounts:
        found[key] += minor or 0
    amounts = {each.key: each.amount.minor if each.amount else found[each.key] for each in command.allocations}
    same = amounts == dict(found)
    return Happened(
        kind="unapplied",
        name=command.application_id,
        on=command.unapplied_on,
        amounts=known.amounts if same else tuple(amounts.items()),
    )


def _taken_off(allocations: Sequence[TakenOff], recorded: RecordedReceipt) -> dict[str, int]:
    """The amount to be taken off each invoice, by its key."""
    there = recorded.by_invoice
    wanted: dict[str, int] = {}
    for place, each in enumerate(allocations):
        if each.key in wanted:
            raise InvoiceNamedTwice(each.invoice_id)
        minor = there[each.key] if each.amount is None else each.amount.minor
        if not 0 < minor <= there[each.key]:
            has = Money(there[each.key], recorded.amount.currency)
            raise NotOnInvoice(recorded.receipt_id, each.invoice_id, each.amount, has).at("allocations", place)
        wanted[each.key] = minor
    return wanted


def _in_currency_of(recorded: RecordedReceipt, allocations: Sequence[NamedInvoice]) -> str:
    for each in allocations:
        if each.amount.currency != recorded.amount.currency:
            raise ReceiptCurrencyDiffers(recorded.receipt_id, recorded.amount.currency, each.amount.currency)
    return recorded.amount.currency
