"""The meaning of each message about an invoice. A decision returns events or refuses; no events means "already so"."""

from collections.abc import Iterator, Sequence
from datetime import date
from functools import reduce

from collections_service.open_items.commands import (
    ApplyCreditMemo,
    ApplyPayment,
    CorrectInvoice,
    RegisterInvoice,
    ReportDispute,
    ReversePayment,
)
from collections_service.open_items.discounts import earned, last_day, withdrawn_by
from collections_service.open_items.events import (
    CashDiscount,
    CreditAwaited,
    CreditMemoApplied,
    DiscountGranted,
    DisputeReported,
    InvoiceCorrected,
    InvoiceRegistered,
    Line,
    OpenItemEvent,
    PaymentApplied,
    PaymentReversed,
    RecoveryTaskOpened,
    RemainderLeft,
    ServedCredit,
    ShortPaymentDetected,
)
from collections_service.open_items.holds import hold_changes
from collections_service.open_items.refusals import (
    BelowSettledAmount,
    CannotBeCorrected,
    CurrencyDiffers,
    InvoiceDiffers,
    InvoiceNotRegistered,
)
from collections_service.open_items.remainders import Bounds, Why, judge, left
from collections_service.open_items.state import Judgement, OpenItem, Terms, amount_on, evolve
from collections_service.short_payments.tolerance import ShortPaymentTolerance
from redress.money import Money
from redress.policy.state import PolicyInForce


def register(command: RegisterInvoice, item: OpenItem) -> list[OpenItemEvent]:
    """A new invoice; disputes that spoke of it before now get their holds. The same invoice again: nothing."""
    if item.terms is not None:
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
    return _with_holds(item, corrected, "the invoice was corrected")


def apply_payment(
    command: ApplyPayment, item: OpenItem, tolerance: PolicyInForce[ShortPaymentTolerance]
) -> list[OpenItemEvent]:
    """As much of the named amount as is open; the caller keeps the rest on the receipt. A receipt is applied once.

    The cash discount that it earns is granted with it. What is open and undisputed afterwards is judged: a deduction,
    or what is still to be paid. The judgement is recorded either way, with its numbers, its policy and its reason.
    """
    terms = _terms(item, command.payment_id)
    _same_currency(terms, command.named)
    if item.application(command.source, command.payment_id) is not None:
        return []
    minor = min(command.named.minor, item.open_minor)
    if minor <= 0:
        return []
    applied = PaymentApplied(
        source=command.source,
        payment_id=command.payment_id,
        received_on=command.received_on,
        applied_on=_first_day_with_room(item, command.received_on, minor),
        amount=Money(minor, terms.total.currency),
        remittance_reason=command.remittance_reason,
        payment_claim=command.payment_claim,
        claim_number=command.claim_number,
        settles_in_full=command.settles_in_full,
        withheld_tax=command.withheld_tax,
    )
    events = _with_holds(item, applied, "paid")
    after = reduce(evolve, events, item)
    return [*events, *_judged(applied, after, _bounds(tolerance, terms))]


def reverse_payment(command: ReversePayment, item: OpenItem) -> list[OpenItemEvent]:
    """The money is gone again, never before the day it had been applied."""
    application = item.application(command.source, command.payment_id)
    terms = item.terms
    if terms is None or application is None or application.returned:
        return []
    reversed_ = PaymentReversed(
        source=command.source,
        payment_id=command.payment_id,
        reversed_on=command.reversed_on,
        effective_on=max(command.reversed_on, application.applied_on),
        amount=Money(application.minor, terms.total.currency),
    )
    events = _with_holds(item, reversed_, "the payment was reversed")
    for withdrawn in withdrawn_by(reversed_, item):
        events += _with_holds(reduce(evolve, events, item), withdrawn, "the payment was reversed")
    return events


def apply_credit_memo(command: ApplyCreditMemo, item: OpenItem) -> list[OpenItemEvent]:
    """As much as is open. Disputes that were granted a credit are served first, the oldest first."""
    terms = _terms(item, command.credit_memo_id)
    _same_currency(terms, command.named)
    if (command.source, command.credit_memo_id) in item.credit_memos:
        return []
    minor = min(command.named.minor, item.open_minor)
    if minor <= 0:
        return []
    left = minor
    serves: list[ServedCredit] = []
    for claim in item.claims:
        served = min(left, claim.awaiting_credit, max(0, claim.claimed_now))
        if served > 0:
            serves.append(ServedCredit(claim.dispute_id, served))
            left -= served
    applied = CreditMemoApplied(
        source=command.source,
        credit_memo_id=command.credit_memo_id,
        issued_on=command.issued_on,
        applied_on=_first_day_with_room(item, command.issued_on, minor),
        amount=Money(minor, terms.total.currency),
        serves=tuple(serves),
    )
    events = _with_holds(item, applied, "credited")
    return [*events, *_earned_by(item.newest, reduce(evolve, events, item))]


def report_dispute(command: ReportDispute, item: OpenItem) -> list[OpenItemEvent]:
    """The claim of one dispute is now this. An older version than the known one says nothing new.

    The amount that was found invalid is released and, as far as it is still open, becomes a recovery task. The amount
    that was granted stays held until the credit memo arrives.
    """
    known = item.claim(command.dispute_id)
    if known is not None and command.dispute_version <= known.version:
        return []
    if item.terms is not None:
        _same_currency(item.terms, command.claimed)
    change = command.claimed.minor - (known.claimed_now if known else 0)
    awaiting_before = known.awaiting_credit if known else 0
    newly_rejected = command.rejected.minor - (known.rejected if known else 0)
    if not change and not newly_rejected and command.awaiting_credit.minor == awaiting_before:
        return []
    reported = DisputeReported(
        dispute_id=command.dispute_id,
        dispute_version=command.dispute_version,
        opened_on=command.opened_on,
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
    changes = hold_changes(after, command.outcome)
    events.extend(changes.smaller)
    events.extend(changes.larger)
    if command.awaiting_credit.minor > awaiting_before:
        events.append(CreditAwaited(dispute_id=command.dispute_id, amount=command.awaiting_credit))
    collectable = min(newly_rejected, reduce(evolve, events, item).undisputed_minor)
    if item.terms is not None and collectable > 0:
        amount = Money(collectable, item.terms.total.currency)
        events.append(RecoveryTaskOpened(dispute_id=command.dispute_id, amount=amount))
    after = reduce(evolve, events, item)
    last = last_day(item)
    if change > 0 and last is not None and command.effective_on <= last:  # what is contested need not be paid in time
        return [*events, *_earned_by(item.newest, after)]
    return [*events, *_judged_late(command, after)] if command.given_up else events


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
    return _with_holds(item, granted, "the cash discount was granted")


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


def _with_holds(item: OpenItem, event: OpenItemEvent, why: str) -> list[OpenItemEvent]:
    changes = hold_changes(evolve(item, event), why)
    return [*changes.smaller, event, *changes.larger]


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
    """The first day from `wanted` on from which `minor` is open and stays open. The caller knows it is open now.

    So an invoice is never paid before it was issued, nor twice over on the days before a reversal.
    """
    later = sorted({step.on for step in item.movements if step.on > wanted})
    days = [wanted, *later]
    first = days[-1]
    for day in reversed(days):
        if amount_on(item.movements, day) < minor:
            break
        first = day
    return first
