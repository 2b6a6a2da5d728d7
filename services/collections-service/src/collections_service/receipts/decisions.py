"""Cash application: one receipt and every invoice it names, decided together so that they are appended together.

Allocations are applied as given, each as far as its invoice is open. The part that no invoice takes stays on the
receipt as unapplied cash (or credit on account) and is recorded as such; no money is lost in rounding or overpayment.

A step that the ERP names by an own id is recorded once: the same again changes nothing, other content is refused.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import reduce

from msgspec import Struct

from collections_service.open_items import decisions as open_item
from collections_service.open_items.commands import (
    ApplyCreditMemo,
    ApplyPayment,
    ReverseCreditMemo,
    ReversePayment,
    UnapplyCreditMemo,
    UnapplyPayment,
)
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
from collections_service.open_items.state import OpenItem, first_day_with_room
from collections_service.receipts.commands import (
    ApplyReceipt,
    IdentifyPayer,
    NamedInvoice,
    PostCreditMemo,
    ReceiptName,
    ReceivePayment,
    RefundReceipt,
    ReverseReceipt,
    TakenOff,
    UnapplyReceipt,
)
from collections_service.receipts.events import (
    Allocation,
    CreditMemoCancelled,
    CreditMemoPosted,
    PayerIdentified,
    PaymentReceived,
    ReceiptApplied,
    ReceiptEvent,
    ReceiptRefunded,
    ReceiptReversed,
    ReceiptUnapplied,
    TakenBack,
)
from collections_service.receipts.refusals import (
    AllocationsExceedAmount,
    InvoiceNamedTwice,
    NotOnInvoice,
    PayerIsKnown,
    ReceiptCurrencyDiffers,
    ReceiptDiffers,
    ReceiptMovedOn,
    ReceiptNotKnown,
    ReversalExceedsReceipt,
    StepDiffers,
    UnappliedExceeded,
)
from collections_service.receipts.state import Happened, Receipt, RecordedReceipt
from collections_service.short_payments.tolerance import ShortPaymentTolerance
from redress.money import Money, total
from redress.policy.state import PolicyInForce


class CashApplication(Struct, frozen=True):
    """The events of the receipt and of each invoice it touches; nothing in either means "already so"."""

    receipt: tuple[ReceiptEvent, ...]
    invoices: dict[str, tuple[OpenItemEvent, ...]]


NOTHING = CashApplication((), {})


def receive(
    command: ReceivePayment,
    receipt: Receipt,
    items: Mapping[str, OpenItem],
    tolerance: PolicyInForce[ShortPaymentTolerance],
) -> CashApplication:
    """A payment and its effect on the invoices it names. `items` has the state of each of them.

    A payment that has come back as a whole may be presented again: from the day on which it came back it is a new one.
    """
    if receipt.recorded is not None and not _presented_again(receipt.recorded, command):
        if not _same(receipt.recorded, command.customer_id, command.amount, command.allocations, command.received_on):
            raise ReceiptDiffers(command.payment_id)
        if receipt.recorded.happened_since:
            raise ReceiptMovedOn(command.payment_id, receipt.recorded.returned_on)
        return NOTHING
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
        if receipt.recorded.happened_since:
            raise ReceiptMovedOn(command.credit_memo_id, receipt.recorded.returned_on)
        return NOTHING
    _check(command.total, command.allocations, items)
    allocations: list[Allocation] = []
    invoices: dict[str, tuple[OpenItemEvent, ...]] = {}
    for named in command.allocations:
        apply = ApplyCreditMemo(
            source=command.source,
            credit_memo_id=command.credit_memo_id,
            issued_on=command.issued_on,
            named=named.amount,
            dispute_id=named.dispute_id,
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


def apply(command: ApplyReceipt, receipt: Receipt, items: Mapping[str, OpenItem]) -> CashApplication:
    """Invoices take what was unapplied of an earlier receipt, each as far as it is open, and never more than was
    unapplied. What stays open is not judged: no payer has named an amount."""
    recorded = _recorded(command.receipt, receipt)
    named = tuple((each.invoice_id, each.amount.minor) for each in command.allocations)
    known = recorded.known("applied", command.application_id)
    if known is not None:
        _same_step(known, Happened(kind="applied", name=command.application_id, on=command.applied_on, amounts=named))
        return NOTHING
    wanted = _allocated(command.allocations, _in_currency_of(recorded, command.allocations))
    if recorded.unapplied < wanted:
        raise UnappliedExceeded(command.receipt.number, wanted, recorded.unapplied).at("allocations")
    _all_known(command.allocations, items)
    from_day = first_day_with_room(recorded.cash, max(command.applied_on, recorded.received_on), wanted.minor)
    allocations: list[Allocation] = []
    invoices: dict[str, tuple[OpenItemEvent, ...]] = {}
    for each in command.allocations:
        item = items[each.invoice_id]
        if recorded.kind == "payment":
            payment = ApplyPayment(
                source=recorded.source,
                payment_id=recorded.receipt_id,
                received_on=recorded.received_on,
                named=each.amount,
                from_day=from_day,
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
        invoices[each.invoice_id] = tuple(events)
        allocations.append(_allocation(each, events))
    applied = ReceiptApplied(
        application_id=command.application_id,
        receipt_id=recorded.receipt_id,
        customer_id=recorded.customer_id,
        applied_on=command.applied_on,
        allocations=tuple(allocations),
        applied=total((each.applied for each in allocations), recorded.amount.currency),
    )
    return CashApplication((applied,), invoices)


def unapply(command: UnapplyReceipt, receipt: Receipt, items: Mapping[str, OpenItem]) -> CashApplication:
    """Take a receipt off invoices. What they had of it is unapplied again, and open there."""
    recorded = _recorded(command.receipt, receipt)
    known = recorded.known("unapplied", command.application_id)
    if known is not None:
        _same_step(known, _as_unapplied(command, known))
        return NOTHING
    if command.currency != recorded.amount.currency:
        raise ReceiptCurrencyDiffers(recorded.receipt_id, recorded.amount.currency, command.currency)
    wanted = _taken_off(command.allocations, recorded)
    back: list[TakenBack] = []
    invoices: dict[str, tuple[OpenItemEvent, ...]] = {}
    for invoice_id, minor in wanted.items():
        amount = Money(minor, recorded.amount.currency)
        events: list[OpenItemEvent]
        if recorded.kind == "payment":
            payment = UnapplyPayment(
                source=recorded.source,
                payment_id=recorded.receipt_id,
                unapplied_on=command.unapplied_on,
                amount=amount,
            )
            events = open_item.unapply_payment(payment, items[invoice_id])
        else:
            credit = UnapplyCreditMemo(
                source=recorded.source,
                credit_memo_id=recorded.receipt_id,
                unapplied_on=command.unapplied_on,
                amount=amount,
            )
            events = open_item.unapply_credit_memo(credit, items[invoice_id])
        invoices[invoice_id] = tuple(events)
        back += _back(invoice_id, events)
    unapplied = ReceiptUnapplied(
        application_id=command.application_id,
        receipt_id=recorded.receipt_id,
        customer_id=recorded.customer_id,
        unapplied_on=command.unapplied_on,
        back=tuple(back),
        unapplied=total((each.amount for each in back), recorded.amount.currency),
    )
    return CashApplication((unapplied,), invoices)


def reverse(command: ReverseReceipt, receipt: Receipt, items: Mapping[str, OpenItem]) -> CashApplication:
    """A payment comes back, or a credit memo is cancelled, as a whole or in part: what is taken off invoices is open
    there again, what was unapplied is gone.

    It is taken from the invoices that the message names; then from what no invoice has; then from the newest
    application, and within one from the invoice that was named last.
    """
    recorded = _recorded(command.receipt, receipt)
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
    for invoice_id, minor in from_invoices.items():
        events = _undone(command, recorded, Money(minor, amount.currency), items[invoice_id])
        invoices[invoice_id] = tuple(events)
        back += _back(invoice_id, events)
    return CashApplication((_reversal(command, recorded, amount, from_unapplied, back),), invoices)


def refund(command: RefundReceipt, receipt: Receipt) -> CashApplication:
    """Unapplied money is paid out. More than is unapplied is refused: it is taken off invoices first."""
    recorded = _recorded(command.receipt, receipt)
    known = recorded.known("refunded", command.refund_id)
    if known is not None:
        amounts = (("", command.amount.minor),)
        _same_step(known, Happened(kind="refunded", name=command.refund_id, on=command.refunded_on, amounts=amounts))
        return NOTHING
    if command.amount.currency != recorded.amount.currency:
        raise ReceiptCurrencyDiffers(recorded.receipt_id, recorded.amount.currency, command.amount.currency)
    if recorded.unapplied < command.amount:
        raise UnappliedExceeded(recorded.receipt_id, command.amount, recorded.unapplied).at("amount")
    from_day = max(command.refunded_on, recorded.received_on)
    refunded = ReceiptRefunded(
        refund_id=command.refund_id,
        receipt_id=recorded.receipt_id,
        customer_id=recorded.customer_id,
        refunded_on=command.refunded_on,
        effective_on=first_day_with_room(recorded.cash, from_day, command.amount.minor),
        amount=command.amount,
        reason=command.reason,
    )
    return CashApplication((refunded,), {})


def identify(command: IdentifyPayer, receipt: Receipt) -> CashApplication:
    """The payer becomes known. A payer that is known is not changed: the payment is reversed and posted anew."""
    recorded = _recorded(command.receipt, receipt)
    if recorded.customer_id == command.customer_id:
        return NOTHING
    if recorded.customer_id:
        raise PayerIsKnown(recorded.receipt_id, recorded.customer_id).at("customer_id")
    identified = PayerIdentified(
        payment_id=recorded.receipt_id,
        customer_id=command.customer_id,
        identified_on=command.identified_on,
        currency=recorded.amount.currency,
        cash=tuple(step for step in recorded.cash if step.minor),
    )
    return CashApplication((identified,), {})


def _recorded(name: ReceiptName, receipt: Receipt) -> RecordedReceipt:
    if receipt.recorded is None:
        raise ReceiptNotKnown(name.number, name.kind)
    return receipt.recorded


def _presented_again(recorded: RecordedReceipt, command: ReceivePayment) -> bool:
    """Of the same payer and currency: another one's payment with this number is another payment."""
    if recorded.returned_on is None or not recorded.is_back or command.received_on < recorded.returned_on:
        return False
    return (recorded.customer_id, recorded.amount.currency) == (command.customer_id, command.amount.currency)


def _same_step(known: Happened, sent: Happened) -> None:
    if known != sent:
        raise StepDiffers(sent.kind, sent.name)


def _in_currency_of(recorded: RecordedReceipt, allocations: Sequence[NamedInvoice]) -> str:
    for each in allocations:
        if each.amount.currency != recorded.amount.currency:
            raise ReceiptCurrencyDiffers(recorded.receipt_id, recorded.amount.currency, each.amount.currency)
    return recorded.amount.currency


def _as_unapplied(command: UnapplyReceipt, known: Happened) -> Happened:
    """The command as it was recorded, an amount that it does not say being the one that was found."""
    found: Counter[str] = Counter()
    for invoice_id, minor in known.amounts:
        found[invoice_id] += minor or 0
    amounts = {
        each.invoice_id: each.amount.minor if each.amount else found[each.invoice_id] for each in command.allocations
    }
    same = amounts == dict(found)
    return Happened(
        kind="unapplied",
        name=command.application_id,
        on=command.unapplied_on,
        amounts=known.amounts if same else tuple(amounts.items()),
    )


def _taken_off(allocations: Sequence[TakenOff], recorded: RecordedReceipt) -> dict[str, int]:
    """The amount to be taken off each invoice."""
    there = recorded.by_invoice
    wanted: dict[str, int] = {}
    for place, each in enumerate(allocations):
        if each.invoice_id in wanted:
            raise InvoiceNamedTwice(each.invoice_id)
        minor = there[each.invoice_id] if each.amount is None else each.amount.minor
        if not 0 < minor <= there[each.invoice_id]:
            has = Money(there[each.invoice_id], recorded.amount.currency)
            raise NotOnInvoice(recorded.receipt_id, each.invoice_id, each.amount, has).at("allocations", place)
        wanted[each.invoice_id] = minor
    return wanted


def _is_reversed_already(command: ReverseReceipt, recorded: RecordedReceipt) -> bool:
    known = recorded.known("reversed", command.reversal_id)
    if known is not None:
        amounts = known.amounts if command.amount is None else (("", command.amount.minor),)
        sent = Happened(kind="reversed", name=command.reversal_id, on=command.reversed_on, amounts=amounts)
        _same_step(known, sent)
        return True
    if recorded.presented_before and command.reversed_on < recorded.received_on:
        return True  # it is the presentation before this one that came back on that day
    return recorded.is_back and command.amount in (None, recorded.amount)


def _where_from(command: ReverseReceipt, recorded: RecordedReceipt, minor: int) -> tuple[int, dict[str, int]]:
    """How much is taken from what no invoice has, and how much from each invoice."""
    there = recorded.by_invoice
    from_invoices: dict[str, int] = {}
    for place, each in enumerate(command.allocations):
        if each.invoice_id in from_invoices:
            raise InvoiceNamedTwice(each.invoice_id)
        if each.amount.minor > there[each.invoice_id]:
            has = Money(there[each.invoice_id], recorded.amount.currency)
            raise NotOnInvoice(recorded.receipt_id, each.invoice_id, each.amount, has).at("allocations", place)
        from_invoices[each.invoice_id] = each.amount.minor
    left = minor - sum(from_invoices.values())
    if left < 0:
        allocated = _allocated(command.allocations, recorded.amount.currency)
        raise AllocationsExceedAmount(allocated, Money(minor, recorded.amount.currency)).at("allocations")
    from_unapplied = min(left, recorded.unapplied.minor)
    left -= from_unapplied
    for application in reversed(recorded.applications):
        taken = from_invoices.get(application.invoice_id, 0)
        if part := min(left, application.minor, there[application.invoice_id] - taken):
            from_invoices[application.invoice_id] = taken + part
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


def _back(invoice_id: str, events: Iterable[OpenItemEvent]) -> list[TakenBack]:
    return [
        TakenBack(invoice_id=invoice_id, amount=event.amount, effective_on=event.effective_on)
        for event in events
        if isinstance(event, PaymentReversed | PaymentUnapplied | CreditMemoReversed | CreditMemoUnapplied)
    ]


def _check(amount: Money, allocations: Sequence[NamedInvoice], items: Mapping[str, OpenItem]) -> None:
    allocated = _allocated(allocations, amount.currency)
    if amount < allocated:
        raise AllocationsExceedAmount(allocated, amount)
    _all_known(allocations, items)


def _allocated(allocations: Sequence[NamedInvoice], currency: str) -> Money:
    for invoice_id, times in Counter(each.invoice_id for each in allocations).items():
        if times > 1:
            raise InvoiceNamedTwice(invoice_id)
    return reduce(lambda left, each: left + each.amount, allocations, Money(0, currency))


def _all_known(allocations: Sequence[NamedInvoice], items: Mapping[str, OpenItem]) -> None:
    for each in allocations:
        if items[each.invoice_id].terms is None:
            raise InvoiceNotRegistered(each.invoice_id)


def _allocation(named: NamedInvoice, events: Sequence[OpenItemEvent]) -> Allocation:
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


def _same(
    recorded: RecordedReceipt, customer_id: str, amount: Money, named: Sequence[NamedInvoice], on: object
) -> bool:
    allocations = [(each.invoice_id, each.named, each.dispute_id) for each in recorded.allocations]
    return (recorded.customer_id, recorded.amount, recorded.received_on, allocations) == (
        customer_id,
        amount,
        on,
        [(each.invoice_id, each.amount, each.dispute_id) for each in named],
    )
