"""The meaning of each message about an invoice. A decision returns events or refuses; no events means "already so"."""

from collections.abc import Sequence
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
from collections_service.open_items.events import (
    CreditAwaited,
    CreditMemoApplied,
    DisputeReported,
    InvoiceCorrected,
    InvoiceRegistered,
    OpenItemEvent,
    PaymentApplied,
    PaymentReversed,
    RecoveryTaskOpened,
    RemainderTolerated,
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
from collections_service.open_items.state import OpenItem, Terms, evolve, first_day_with_room
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
    )
    return _with_holds(item, registered, "the invoice was registered", since=None)


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
        effective_on=first_day_with_room(item.movements, from_day, decrease) if decrease > 0 else from_day,
        due_on=command.due_on or terms.due_on,
        total=total,
        change=-decrease,
        tax=terms.tax if command.tax is None else command.tax,
        lines=terms.lines if command.lines is None else command.lines,
        po_number=terms.po_number if command.po_number is None else command.po_number,
    )
    if evolve(item, corrected).terms == terms:
        return []
    return _with_holds(item, corrected, "the invoice was corrected", since=corrected.effective_on)


def apply_payment(
    command: ApplyPayment, item: OpenItem, tolerance: PolicyInForce[ShortPaymentTolerance]
) -> list[OpenItemEvent]:
    """As much of the named amount as is open; the caller keeps the rest on the receipt. A receipt is applied once.

    The remainder that is open and undisputed afterwards is a short payment if it is more than tolerated. An amount that
    a dispute holds is not short a second time. The judgement is recorded either way, with its numbers and its policy.
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
        applied_on=first_day_with_room(item.movements, command.received_on, minor),
        amount=Money(minor, terms.total.currency),
    )
    events = _with_holds(item, applied, "paid", since=applied.applied_on)
    remainder = Money(reduce(evolve, events, item).undisputed_minor, terms.total.currency)
    if remainder.minor > 0:
        events.append(_judge_remainder(command, terms, remainder, tolerance))
    return events


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
    return _with_holds(item, reversed_, "the payment was reversed", since=reversed_.effective_on)


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
        applied_on=first_day_with_room(item.movements, command.issued_on, minor),
        amount=Money(minor, terms.total.currency),
        serves=tuple(serves),
    )
    return _with_holds(item, applied, "credited", since=applied.applied_on)


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
    changes = hold_changes(after, command.outcome, since=command.effective_on)
    events.extend(changes.smaller)
    events.extend(changes.larger)
    if command.awaiting_credit.minor > awaiting_before:
        events.append(CreditAwaited(dispute_id=command.dispute_id, amount=command.awaiting_credit))
    collectable = min(newly_rejected, reduce(evolve, events, item).undisputed_minor)
    if item.terms is not None and collectable > 0:
        amount = Money(collectable, item.terms.total.currency)
        events.append(RecoveryTaskOpened(dispute_id=command.dispute_id, amount=amount))
    return events


def _with_holds(item: OpenItem, event: OpenItemEvent, why: str, *, since: date | None) -> list[OpenItemEvent]:
    """The event between the changes of the holds that it causes; none of them before `since`."""
    changes = hold_changes(evolve(item, event), why, since)
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
    )
    for field, known, sent in pairs:
        if known != sent:
            raise InvoiceDiffers(terms.invoice_id, field, str(known), str(sent))


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


def _judge_remainder(
    command: ApplyPayment, terms: Terms, remainder: Money, tolerance: PolicyInForce[ShortPaymentTolerance]
) -> OpenItemEvent:
    tolerated = tolerance.document.tolerated(terms.total)
    told = f"{remainder} of {terms.total} stays open and undisputed; {tolerated} is tolerated by {tolerance.citation}"
    if remainder <= tolerated:
        return RemainderTolerated(
            source=command.source,
            payment_id=command.payment_id,
            received_on=command.received_on,
            remainder=remainder,
            tolerated=tolerated,
            policy=tolerance.citation,
            explanation=f"{told}: not a short payment, left open for the ERP to post off",
        )
    return ShortPaymentDetected(
        source=command.source,
        payment_id=command.payment_id,
        received_on=command.received_on,
        short=remainder,
        tolerated=tolerated,
        policy=tolerance.citation,
        explanation=f"{told}: short payment",
        remittance_reason=command.remittance_reason,
    )
