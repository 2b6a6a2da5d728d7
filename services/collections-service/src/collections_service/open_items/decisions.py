"""The meaning of each message about an invoice. A decision returns events or refuses; no events means "already so"."""

from collections.abc import Iterator, Sequence
from datetime import date
from functools import reduce

from collections_service.open_items.commands import (
    ApplyCreditMemo,
    ApplyPayment,
    CancelInvoice,
    CorrectInvoice,
    HandOverCollection,
    PostWriteOff,
    RegisterInvoice,
    ReportDispute,
    ReverseCreditMemo,
    ReversePayment,
    TakeCollectionBack,
    UnapplyCreditMemo,
    UnapplyPayment,
)
from collections_service.open_items.discounts import earned, gave_way, last_day, no_longer_earned
from collections_service.open_items.events import (
    CashDiscount,
    CollectionHandedOver,
    CollectionTakenBack,
    CreditAwaited,
    CreditMemoApplied,
    CreditMemoReversed,
    CreditMemoUnapplied,
    DiscountGranted,
    DisputeReported,
    InvoiceCancelled,
    InvoiceCorrected,
    InvoiceRegistered,
    Line,
    OpenItemEvent,
    PaymentApplied,
    PaymentReversed,
    PaymentUnapplied,
    RemainderLeft,
    ShortPaymentDetected,
    WriteOffPosted,
)
from collections_service.open_items.holds import hold_changes
from collections_service.open_items.recovery_tasks import task_changes
from collections_service.open_items.refusals import (
    BelowSettledAmount,
    CancelledWithMoney,
    CannotBeCorrected,
    CurrencyDiffers,
    InvoiceDiffers,
    InvoiceIsCancelled,
    InvoiceNotRegistered,
    WriteOffDiffers,
    WriteOffExceedsOpen,
)
from collections_service.open_items.remainders import Bounds, Why, judge, left
from collections_service.open_items.state import (
    Application,
    Credit,
    Judgement,
    OpenItem,
    Terms,
    evolve,
    first_day_with_room,
)
from collections_service.short_payments.tolerance import ShortPaymentTolerance
from redress.money import Money
from redress.policy.state import PolicyInForce


def register(command: RegisterInvoice, item: OpenItem) -> list[OpenItemEvent]:
    """A new invoice; disputes that spoke of it before now get their holds. The same invoice again: nothing."""
    if item.terms is not None:
        _not_cancelled(item, command.invoice_id)
        _same_invoice(command, item.terms)
        return []
    registered = InvoiceRegistered(
        invoice_id=command.invoice_id,
        source=command.source,
        legal_entity=command.legal_entity,
        customer_id=command.customer_id,
        issued_on=command.issued_on,
        due_on=command.due_on,
        total=command.total,
        tax=command.tax,
        lines=command.lines,
        po_number=command.po_number,
        discount=command.discount,
    )
    return _with_holds(item, registered, "the invoice was registered")


def correct(command: CorrectInvoice, item: OpenItem) -> list[OpenItemEvent]:
    """New terms. A total below what is settled is refused: the ERP reverses the payment first."""
    terms = _terms(item, command.invoice_id)
    _not_cancelled(item, command.invoice_id)
    _only_correctable(command, terms)
    total = command.total or terms.total
    settled = Money(terms.total.minor - item.open_minor, terms.total.currency)
    if total < settled:
        raise BelowSettledAmount(terms.invoice_id, total, settled)
    from_day = max(command.corrected_on, terms.issued_on)
    decrease = terms.total.minor - total.minor
    corrected = InvoiceCorrected(
        corrected_on=command.corrected_on,
        effective_on=_first_day_with_room(item, from_day, decrease) if decrease > 0 else from_day,
        due_on=command.due_on or terms.due_on,
        total=total,
        change=-decrease,
        tax=terms.tax if command.tax is None else command.tax,
        lines=terms.lines if command.lines is None else command.lines,
        po_number=terms.po_number if command.po_number is None else command.po_number,
        discount=_corrected_discount(command, terms),
    )
    if evolve(item, corrected).terms == terms:
        return []
    return _with_holds(item, corrected, "the invoice was corrected", since=corrected.effective_on)


def cancel(command: CancelInvoice, item: OpenItem) -> list[OpenItemEvent]:
    """Nothing is owed any more. Refused while money or credit lies on the invoice: that is taken off first."""
    terms = _terms(item, command.invoice_id)
    if item.cancelled_on is not None:
        return []
    settled = terms.total.minor - item.open_minor
    if settled:
        raise CancelledWithMoney(terms.invoice_id, Money(settled, terms.total.currency))
    from_day = max(command.cancelled_on, terms.issued_on)
    cancelled = InvoiceCancelled(
        cancelled_on=command.cancelled_on,
        effective_on=_first_day_with_room(item, from_day, item.open_minor),
        change=-item.open_minor,
        reason=command.reason,
    )
    return _with_holds(item, cancelled, "the invoice was cancelled", since=cancelled.effective_on)


def hand_over(command: HandOverCollection, item: OpenItem) -> list[OpenItemEvent]:
    """An agency or a lawyer collects the invoice from now on; another one may take it over from the first."""
    _terms(item, command.invoice_id)
    _not_cancelled(item, command.invoice_id)
    handed = CollectionHandedOver(to=command.to, handed_on=command.handed_on, reference=command.reference)
    return [] if item.collected_by == handed else [handed]


def take_back(command: TakeCollectionBack, item: OpenItem) -> list[OpenItemEvent]:
    """We collect the invoice ourselves again. Nothing if nobody else does."""
    _terms(item, command.invoice_id)
    return [] if item.collected_by is None else [CollectionTakenBack(taken_back_on=command.taken_back_on)]


def apply_payment(
    command: ApplyPayment, item: OpenItem, tolerance: PolicyInForce[ShortPaymentTolerance]
) -> list[OpenItemEvent]:
    """As much of the named amount as is open; the caller keeps the rest on the receipt. A receipt is applied once as it
    comes; what the ERP applies of it later is another step (`apply_cash`).

    The cash discount that it earns is granted with it. What is open and undisputed afterwards is judged: a deduction,
    or what is still to be paid. The judgement is recorded either way, with its numbers, its policy and its reason.
    """
    if item.paid_by(command.source, command.payment_id):
        return []
    events, after = _applied(command, item)
    if after.newest is None or not events:
        return []
    return [*events, *_judged(after.newest, after, _bounds(tolerance, _terms(item, command.payment_id)))]


def apply_cash(command: ApplyPayment, item: OpenItem) -> list[OpenItemEvent]:
    """The same without a judgement of what stays open: the ERP applied the money, no payer has named an amount. What it
    has earned by its value date is granted all the same."""
    events, after = _applied(command, item)
    return [*events, *_earned_by(after.newest, after)] if events else []


def _applied(command: ApplyPayment, item: OpenItem) -> tuple[list[OpenItemEvent], OpenItem]:
    terms = _terms(item, command.payment_id)
    _same_currency(terms, command.named)
    minor = min(command.named.minor, item.open_minor)
    if minor <= 0:
        return [], item
    applied = PaymentApplied(
        source=command.source,
        payment_id=command.payment_id,
        received_on=command.received_on,
        applied_on=_first_day_with_room(item, command.from_day or command.received_on, minor),
        amount=Money(minor, terms.total.currency),
        remittance_reason=command.remittance_reason,
        payment_claim=command.payment_claim,
        claim_number=command.claim_number,
        settles_in_full=command.settles_in_full,
        withheld_tax=command.withheld_tax,
    )
    events = _with_holds(item, applied, "paid", since=applied.applied_on)
    return events, reduce(evolve, events, item)


def reverse_payment(command: ReversePayment, item: OpenItem) -> list[OpenItemEvent]:
    """The money is gone again, never before the day it had been applied; newest application first. No more than is
    here of it: one event for each application that gives way."""
    terms = item.terms
    if terms is None:
        return []
    events: list[OpenItemEvent] = []
    for applied_on, minor in _from_newest(item.paid_by(command.source, command.payment_id), command.amount):
        reversed_ = PaymentReversed(
            source=command.source,
            payment_id=command.payment_id,
            reversed_on=command.reversed_on,
            effective_on=max(command.reversed_on, applied_on),
            amount=Money(minor, terms.total.currency),
        )
        events += _gone(reduce(evolve, events, item), reversed_, "the payment was reversed")
    return events


def unapply_payment(command: UnapplyPayment, item: OpenItem) -> list[OpenItemEvent]:
    """As for a reversal; the money stays with the receipt."""
    terms = item.terms
    if terms is None:
        return []
    events: list[OpenItemEvent] = []
    for applied_on, minor in _from_newest(item.paid_by(command.source, command.payment_id), command.amount):
        unapplied = PaymentUnapplied(
            source=command.source,
            payment_id=command.payment_id,
            unapplied_on=command.unapplied_on,
            effective_on=max(command.unapplied_on, applied_on),
            amount=Money(minor, terms.total.currency),
        )
        events += _gone(reduce(evolve, events, item), unapplied, "the payment was unapplied")
    return events


def _gone(item: OpenItem, gone: PaymentReversed | PaymentUnapplied, why: str) -> list[OpenItemEvent]:
    """What goes of one application, and with it every discount that is no longer earned."""
    events = _with_holds(item, gone, why, since=gone.effective_on)
    after = reduce(evolve, events, item)
    place = gave_way(item, after)
    while (withdrawn := no_longer_earned(after, place, gone.effective_on)) is not None:
        more = _with_holds(after, withdrawn, why, since=withdrawn.effective_on)
        events += more
        after = reduce(evolve, more, after)
    return events


def apply_credit_memo(command: ApplyCreditMemo, item: OpenItem) -> list[OpenItemEvent]:
    """As much as is open. Which disputes it serves, dispute-service answers: claims stay until it has."""
    terms = _terms(item, command.credit_memo_id)
    _same_currency(terms, command.named)
    if command.from_day is None and item.credited_by(command.source, command.credit_memo_id):
        return []
    minor = min(command.named.minor, item.open_minor)
    if minor <= 0:
        return []
    applied = CreditMemoApplied(
        source=command.source,
        credit_memo_id=command.credit_memo_id,
        issued_on=command.issued_on,
        applied_on=_first_day_with_room(item, command.from_day or command.issued_on, minor),
        amount=Money(minor, terms.total.currency),
        dispute_id=command.dispute_id,
    )
    events = _with_holds(item, applied, "credited", since=applied.applied_on)
    return [*events, *_earned_by_credit(reduce(evolve, events, item))]


def reverse_credit_memo(command: ReverseCreditMemo, item: OpenItem) -> list[OpenItemEvent]:
    """The credit is gone again, newest application first; no more than is here of it. Which disputes wait for a credit
    again, dispute-service says."""
    events: list[OpenItemEvent] = []
    there = item.credited_by(command.source, command.credit_memo_id)
    for applied_on, minor in _from_newest(there, command.amount):
        reversed_ = CreditMemoReversed(
            source=command.source,
            credit_memo_id=command.credit_memo_id,
            reversed_on=command.reversed_on,
            effective_on=max(command.reversed_on, applied_on),
            amount=Money(minor, command.amount.currency),
        )
        now = reduce(evolve, events, item)
        events += _with_holds(now, reversed_, "the credit memo was reversed", since=reversed_.effective_on)
    return events


def unapply_credit_memo(command: UnapplyCreditMemo, item: OpenItem) -> list[OpenItemEvent]:
    """As for a reversal; the credit stays on account."""
    events: list[OpenItemEvent] = []
    there = item.credited_by(command.source, command.credit_memo_id)
    for applied_on, minor in _from_newest(there, command.amount):
        unapplied = CreditMemoUnapplied(
            source=command.source,
            credit_memo_id=command.credit_memo_id,
            unapplied_on=command.unapplied_on,
            effective_on=max(command.unapplied_on, applied_on),
            amount=Money(minor, command.amount.currency),
        )
        now = reduce(evolve, events, item)
        events += _with_holds(now, unapplied, "the credit memo was unapplied", since=unapplied.effective_on)
    return events


def post_write_off(command: PostWriteOff, item: OpenItem) -> list[OpenItemEvent]:
    """Less is open. Like a payment it takes the undisputed part first, and then the oldest dispute gives way first.

    More than is open is refused, for there is nothing that could keep the rest. A write-off counts once.
    """
    terms = _terms(item, command.invoice_id)
    _same_currency(terms, command.amount)
    known = item.write_off(command.source, command.write_off_id)
    if known is not None:
        if (known.posted_on, known.minor, known.kind) != (command.posted_on, command.amount.minor, command.kind):
            raise WriteOffDiffers(command.write_off_id)
        return []
    if command.amount.minor > item.open_minor:
        is_open = Money(item.open_minor, terms.total.currency)
        raise WriteOffExceedsOpen(command.invoice_id, command.amount, is_open)
    posted = WriteOffPosted(
        source=command.source,
        write_off_id=command.write_off_id,
        posted_on=command.posted_on,
        applied_on=_first_day_with_room(item, command.posted_on, command.amount.minor),
        amount=command.amount,
        kind=command.kind,
        reason=command.reason,
    )
    return _with_holds(item, posted, "written off", since=posted.applied_on)


def report_dispute(command: ReportDispute, item: OpenItem) -> list[OpenItemEvent]:
    """The claim of one dispute is now this. An older version than the known one says nothing new. A claim in another
    currency than the invoice is a fact too; it holds nothing.

    The amount that was found invalid is released and, as far as it is still open, becomes a recovery task, which is
    closed when it is contested again. The amount that was granted stays held until the credit memo arrives.
    """
    known = item.claim(command.dispute_id)
    if known is not None and command.dispute_version <= known.version:
        return []
    change = command.claimed.minor - (known.claimed_now if known else 0)
    awaiting_before = known.awaiting_credit if known else 0
    newly_rejected = command.rejected.minor - (known.rejected if known else 0)
    if not change and not newly_rejected and command.awaiting_credit.minor == awaiting_before:
        return []
    reported = DisputeReported(
        dispute_id=command.dispute_id,
        dispute_version=command.dispute_version,
        opened_on=command.opened_on,
        opened_at=command.opened_at,
        effective_on=command.effective_on,
        currency=command.claimed.currency,
        claimed=command.claimed.minor,
        change=change,
        awaiting_credit=command.awaiting_credit.minor,
        rejected=command.rejected.minor,
        outcome=command.outcome,
    )
    events: list[OpenItemEvent] = [reported]
    after = evolve(item, reported)
    changes = hold_changes(after, command.outcome, since=command.effective_on)
    events.extend(changes.smaller)
    events.extend(changes.larger)
    if command.awaiting_credit.minor > awaiting_before:
        events.append(CreditAwaited(dispute_id=command.dispute_id, amount=command.awaiting_credit))
    events += _settled_by(command, change, reduce(evolve, events, item))
    events += task_changes(command, newly_rejected, reduce(evolve, events, item))
    return events


def _settled_by(command: ReportDispute, change: int, item: OpenItem) -> list[OpenItemEvent]:
    """The discount that is earned because of a report, or the judgement on what nobody contests any more."""
    last = last_day(item)
    if change > 0 and last is not None and command.effective_on <= last:  # what is contested need not be paid in time
        return _earned_by(item.newest, item)
    if command.by_credit_memo:
        return _earned_by_credit(item)
    return _judged_late(command, item) if command.given_up else []


def _judged(payment: PaymentApplied, item: OpenItem, bounds: Bounds) -> list[OpenItemEvent]:
    """The discount that `payment` earned, and the judgement on what it leaves then."""
    owed = _asked_for(item)
    first = judge(payment, item, bounds, owed)
    deducted = isinstance(first, ShortPaymentDetected)
    granted = _earned_by(payment, item, tolerated=bounds.tolerated.minor, deducted=deducted)
    if not granted:
        return [first] if first else []
    last = judge(payment, reduce(evolve, granted, item), bounds, owed)
    return [*granted, last] if last else granted


def _judged_late(command: ReportDispute, item: OpenItem) -> list[OpenItemEvent]:
    """The remainder that a dispute held when it was paid, now that nobody contests it any more.

    The dispute may have ended before the payment without our knowing: then the payer's words count. If it ended after
    it, the customer gave up what the words were about.
    """
    payment, claim = item.newest, item.claim(command.dispute_id)
    bounds = _bounds_of(item.judged)
    if payment is None or bounds is None or item.terms is None or item.undisputed_minor <= 0:
        return []
    if claim is None or claim.opened_on > payment.received_on:
        return []  # it was opened because of the payment, or later
    if command.effective_on <= payment.received_on:
        return _judged(payment, item, bounds)
    rest = Money(item.undisputed_minor, item.terms.total.currency)
    words = f"{rest} stays open: it was disputed when it was paid, and the customer gave the dispute up"
    return [left(payment, rest, bounds, Why.GIVEN_UP, words)]


def _bounds_of(judged: Judgement | None) -> Bounds | None:
    """The bounds by which a remainder was judged the first time."""
    match judged:
        case RemainderLeft():
            return Bounds(tolerated=judged.tolerated, difference=judged.difference, policy=judged.policy)
        case ShortPaymentDetected(tolerated=tolerated, policy=policy):
            return Bounds(tolerated=tolerated, difference=Money(0, tolerated.currency), policy=policy)
        case _:
            return None


def _earned_by(
    payment: PaymentApplied | None, item: OpenItem, *, tolerated: int = 0, deducted: bool = False
) -> list[OpenItemEvent]:
    if payment is None or item.terms is None or item.terms.discount is None:
        return []
    rest = item.undisputed_minor - item.withheld_minor
    minor = earned(item, payment, rest, tolerated=tolerated, deducted=deducted)
    if not minor:
        return []
    amount, terms = Money(minor, item.terms.total.currency), item.terms.discount
    granted = DiscountGranted(
        source=payment.source,
        payment_id=payment.payment_id,
        applied_on=_first_day_with_room(item, payment.applied_on, minor),
        amount=amount,
        explanation=f"{terms.percent:f} % within {terms.days} days of {item.terms.issued_on}; "
        f"the payment counts from {payment.received_on}",
    )
    return _with_holds(item, granted, "the cash discount was granted", since=granted.applied_on)


def _earned_by_credit(item: OpenItem) -> list[OpenItemEvent]:
    """A credit makes what is still to be paid smaller. Nothing while disputes hold something: until dispute-service has
    said which of them the credit serves, they hold more than is disputed."""
    return [] if item.held_minor else _earned_by(item.newest, item)


def _asked_for(item: OpenItem) -> tuple[int, ...]:
    """The amounts that were found invalid and asked for again, one by one and together."""
    each = [claim.rejected for claim in item.claims if claim.rejected > 0]
    return (*each, sum(each)) if each else ()


def _bounds(tolerance: PolicyInForce[ShortPaymentTolerance], terms: Terms) -> Bounds:
    document = tolerance.document
    return Bounds(
        tolerated=document.tolerated(terms.total),
        difference=document.difference(terms.total),
        policy=tolerance.citation,
    )


def _corrected_discount(command: CorrectInvoice, terms: Terms) -> CashDiscount | None:
    if command.discount is None:
        return terms.discount
    return command.discount if command.discount.percent else None


def _with_holds(item: OpenItem, event: OpenItemEvent, why: str, *, since: date | None = None) -> list[OpenItemEvent]:
    """The event between the changes of the holds that it causes; none of them before `since`."""
    changes = hold_changes(evolve(item, event), why, since)
    return [*changes.smaller, event, *changes.larger]


def _from_newest(applications: Sequence[Application | Credit], amount: Money | None) -> Iterator[tuple[date, int]]:
    """The day and the part of each application that gives way, until `amount` is found; None: all of them."""
    left = sum(each.left for each in applications) if amount is None else amount.minor
    for each in applications:
        if part := min(left, each.left):
            yield each.applied_on, part
            left -= part


def _not_cancelled(item: OpenItem, invoice_id: str) -> None:
    if item.cancelled_on is not None:
        raise InvoiceIsCancelled(invoice_id, item.cancelled_on)


def _terms(item: OpenItem, wanted: str) -> Terms:
    if item.terms is None:
        raise InvoiceNotRegistered(wanted)
    return item.terms


def _same_currency(terms: Terms, money: Money) -> None:
    if money.currency != terms.total.currency:
        raise CurrencyDiffers(terms.invoice_id, terms.total.currency, money.currency)


def _same_invoice(command: RegisterInvoice, terms: Terms) -> None:
    pairs: Sequence[tuple[str, object, object]] = (
        ("source", terms.source, command.source),
        ("legal entity", terms.legal_entity, command.legal_entity),
        ("customer", terms.customer_id, command.customer_id),
        ("issue date", terms.issued_on, command.issued_on),
        ("due date", terms.due_on, command.due_on),
        ("total", terms.total, command.total),
        ("tax", terms.tax, command.tax),
        ("order number", terms.po_number, command.po_number),
        ("cash discount", _told(terms.discount), _told(command.discount)),
        *_lines_side_by_side(terms.lines, command.lines),
    )
    for field, known, sent in pairs:
        if known != sent:
            raise InvoiceDiffers(terms.invoice_id, field, _or_none(known), _or_none(sent))


def _lines_side_by_side(known: Sequence[Line], sent: Sequence[Line]) -> Iterator[tuple[str, object, object]]:
    yield "number of lines", len(known), len(sent)
    for one, other in zip(known, sent, strict=False):
        yield "line", one.line, other.line
        for part in ("amount", "description", "quantity", "unit_price"):
            yield f"{part.replace('_', ' ')} of line {one.line}", getattr(one, part), getattr(other, part)


def _told(discount: CashDiscount | None) -> str | None:
    return None if discount is None else f"{discount.percent:f} % within {discount.days} days"


def _or_none(value: object) -> str:
    return "none" if value is None else str(value)


def _only_correctable(command: CorrectInvoice, terms: Terms) -> None:
    pairs: Sequence[tuple[str, object, object]] = (
        ("customer", terms.customer_id, command.customer_id),
        ("currency", terms.total.currency, command.currency),
        ("currency", terms.total.currency, command.total.currency if command.total else None),
        ("issue date", terms.issued_on, command.issued_on),
    )
    for field, known, sent in pairs:
        if sent is not None and known != sent:
            raise CannotBeCorrected(terms.invoice_id, field, str(known), str(sent))


def _first_day_with_room(item: OpenItem, wanted: date, minor: int) -> date:
    """So an invoice is never paid before it was issued, nor twice over on the days before a reversal."""
    return first_day_with_room(item.movements, wanted, minor)
