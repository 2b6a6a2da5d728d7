"""Stored event → published contract. Stored events are private to this service; published ones are a promise to others.

Every published event carries the dispute as it is after it. Not published: notes, invoices that became known, and what
a reversed payment gives back to a dispute that it reopens (the reopening that follows is).
"""

from collections.abc import Callable, Iterable
from typing import assert_never
from uuid import UUID

from dispute_service.disputes import events as stored
from dispute_service.disputes.document import dispute_id_of
from dispute_service.disputes.items import DisputeItem, awaited
from dispute_service.disputes.state import Dispute, State, UnopenedDispute
from redress.contracts import dispute_events as public
from redress.contracts.common import WireMoney, wire_in


def published(  # noqa: C901, PLR0911, PLR0912 - one arm per event
    event: stored.DisputeEvent, stream_id: UUID, after: State
) -> public.DisputeEvent | None:
    """None for an event that stays private."""
    if isinstance(after, UnopenedDispute):
        return None
    dispute = summary(dispute_id_of(stream_id), after)
    match event:
        case stored.DisputeOpened():
            return public.DisputeOpened(dispute=dispute)
        case stored.DisputeClassified():
            return public.DisputeClassified(dispute=dispute, from_reason=event.from_reason)
        case stored.DisputeAssigned():
            routing = event.routing
            return public.DisputeAssigned(
                dispute=dispute,
                by="person" if routing is None else "matrix",
                explanation=event.explanation,
                rule_id=None if routing is None else routing.rule_id,
                policy_version=None if routing is None else routing.policy_version,
                previous_owner=event.previous_owner,
                previous_team=event.previous_team,
            )
        case stored.InformationRequested():
            return public.DisputeInformationRequested(
                dispute=dispute, asked=event.asked, what=event.what, due=event.due
            )
        case stored.InformationRecorded():
            return public.DisputeInformationRecorded(dispute=dispute)
        case stored.DisputeEscalated():
            return public.DisputeEscalated(dispute=dispute, level=event.level, reason=event.reason, to=event.to)
        case stored.DisputeDecided():
            return public.DisputeDecided(
                dispute=dispute,
                valid=_wire(event.valid, after),
                invalid=_wire(event.invalid, after),
                spread=event.spread,
            )
        case stored.AmountReduced():
            reduced_by = _sum(event.shares)
            return public.DisputeAmountReduced(
                dispute=dispute,
                cause=event.cause,
                invoice_id=event.invoice_id,
                reduced_by=_wire(reduced_by, after),
            )
        case stored.DisputeResolved():
            return _resolved(event, dispute, after)
        case stored.DisputeSettled():
            return public.DisputeSettled(dispute=dispute)
        case stored.DisputeReopened():
            return public.DisputeReopened(dispute=dispute, reason=event.reason)
        case stored.PaymentReversed():
            return _payment_reversed(event, dispute, after)
        case stored.CreditReversed():
            # Of an ended dispute that is contested again, the reopening behind this event says so.
            if event.into == "open" and not after.is_active:
                return None
            return public.DisputeCreditReversed(
                dispute=dispute, credit_memo_id=event.credit_memo_id, amount=_wire(_sum(event.shares), after)
            )
        case stored.WriteOffReversed():
            return _write_off_reversed(event, dispute, after)
        case stored.ItemsCompared():
            return public.DisputeMismatchFound(dispute=dispute, invoice_id=event.invoice_id)
        case stored.DisputeClosed():
            return public.DisputeClosed(dispute=dispute)
        case stored.DisputeWithdrawn():
            return public.DisputeWithdrawn(dispute=dispute, reason=event.reason)
        case stored.SlaBreached():
            return public.DisputeSlaBreached(dispute=dispute, due_at=event.due_at)
        case stored.PaidUnderProtest():
            return public.DisputeClaimedBack(
                dispute=dispute,
                invoice_id=event.invoice_id,
                payment_id=event.payment_id,
                source=event.source,
                amount=_wire(_sum(event.shares), after),
            )
        case stored.ClaimHeldAgain():
            return public.DisputeClaimHeldAgain(
                dispute=dispute, invoice_id=event.invoice_id, amount=_wire(_sum(event.shares), after)
            )
        case stored.AnswerReversed():
            if event.into == "open" and not after.is_active:  # the reopening behind this event says so
                return None
            return public.DisputeAnswerReversed(
                dispute=dispute,
                credit_memo_id=event.reference,
                source=event.source,
                amount=_wire(_sum(event.shares), after),
            )
        case stored.SettlementOverdue():
            return public.DisputeSettlementOverdue(dispute=dispute, due_at=event.due_at)
        case stored.SettlementTaskAssigned() | stored.SettlementTaskDone():
            return _task_changed(dispute, after)
        case stored.SettlementGivenUp():
            return public.DisputeSettlementGivenUp(
                dispute=dispute,
                amount=_wire(_sum(event.shares), after),
                into=event.into,
                reason=event.reason,
                denied=_wire(_sum(event.denied), after) if event.denied else None,
            )
        case stored.NoteAdded() | stored.InvoiceBecameKnown() | stored.ClaimDenied():
            return None
    assert_never(event)


def _task_changed(dispute: public.DisputeSummary, after: Dispute) -> public.DisputeSettlementTaskChanged | None:
    task, settlement = after.settlement_task, after.settlement
    if task is None:
        return None
    due_at = settlement.due_at if task.state == "done" and settlement is not None else task.due_at
    return public.DisputeSettlementTaskChanged(
        dispute=dispute, state=task.state, due_at=due_at, owner=task.owner, why=task.why
    )


def _payment_reversed(
    event: stored.PaymentReversed, dispute: public.DisputeSummary, after: Dispute
) -> public.DisputeEvent | None:
    """More is contested again. Of an ended dispute the reopening behind this event says so."""
    if event.into == "open":
        reason = f"Payment {event.payment_id} was reversed."
        return public.DisputeReopened(dispute=dispute, reason=reason) if after.is_active else None
    return public.DisputeAmountRestored(
        dispute=dispute,
        cause="payment-reversed",
        invoice_id=event.invoice_id,
        restored=_wire(_sum(event.shares), after),
        into=event.into,
    )


def _write_off_reversed(
    event: stored.WriteOffReversed, dispute: public.DisputeSummary, after: Dispute
) -> public.DisputeEvent | None:
    """As for a payment that came back."""
    if event.into == "open":
        reason = f"Write-off {event.write_off_id} was taken back."
        return public.DisputeReopened(dispute=dispute, reason=reason) if after.is_active else None
    return public.DisputeAmountRestored(
        dispute=dispute,
        cause="write-off-reversed",
        invoice_id=event.invoice_id,
        restored=_wire(_sum(event.shares), after),
        into=event.into,
    )


def _resolved(event: stored.DisputeResolved, dispute: public.DisputeSummary, after: Dispute) -> public.DisputeResolved:
    # Of a dispute that a posting ended, `paid` and `reduced` are over its whole life.
    denied = sum(item.denied for item in after.items)
    paid = sum(item.paid for item in after.items) - denied if event.by_ledger else sum(o.paid for o in event.outcomes)
    due = _awaited(event, after, "credit", [outcome.credit for outcome in event.outcomes])
    return public.DisputeResolved(
        dispute=dispute,
        resolution_code=event.resolution_code,
        credit_due=_wire(due, after),
        rejected=_wire(sum(outcome.rejected for outcome in event.outcomes), after),
        written_off=_wire(sum(outcome.written_off for outcome in event.outcomes), after),
        paid=_wire(paid, after),
        rationale=after.rationale,
        reduced=_wire(sum(item.reduced for item in after.items) if event.by_ledger else 0, after),
        outcomes=tuple(_outcome(outcome, after) for outcome in event.outcomes if 0 <= outcome.item < len(after.items)),
        by_ledger=event.by_ledger,
        denied=_wire(denied, after) if denied else None,
        after_payment=bool(after.answers or denied or any(item.claimed_back for item in after.items)),
        write_off_due=_wire(_awaited(event, after, "write_off", [o.write_off_due for o in event.outcomes]), after),
        payment_due=_wire(_awaited(event, after, "payment", [o.payment_due for o in event.outcomes]), after),
    )


def _awaited(event: stored.DisputeResolved, after: Dispute, kind: str, granted: Iterable[int]) -> int:
    """What the resolution made the ERP to post; of a dispute that a posting ended, what is still awaited."""
    return sum(awaited(item, kind) for item in after.items) if event.by_ledger else sum(granted)


def _outcome(outcome: stored.ItemOutcome, after: Dispute) -> public.ItemOutcome:
    item = after.items[outcome.item]
    return public.ItemOutcome(
        item=outcome.item,
        invoice_id=item.invoice_id,
        legal_entity=item.legal_entity,
        line=item.line,
        credit_due=_wire(outcome.credit, after),
        rejected=_wire(outcome.rejected, after),
        written_off=_wire(outcome.written_off, after),
        paid=_wire(outcome.paid, after),
        withdrawn=_wire(outcome.withdrawn, after),
        write_off_due=_wire(outcome.write_off_due, after),
        payment_due=_wire(outcome.payment_due, after),
    )


def summary(dispute_id: str, state: Dispute) -> public.DisputeSummary:
    money = wire_in(state.currency)
    verdict = state.verdict
    return public.DisputeSummary(
        dispute_id=dispute_id,
        customer_id=state.customer_id,
        status=state.status.value,
        reason_code=state.reason_code,
        origin=state.origin,
        currency=state.currency,
        items=_items(state, money),
        disputed=money(sum([item.disputed for item in state.items])),
        open=money(state.open),
        opened_at=state.opened_at,
        legal_entity=state.legal_entity,
        external_reason=state.external_reason,
        root_cause=state.root_cause,
        owner=state.owner,
        team=state.team,
        escalation_level=state.escalation_level,
        sla_due_at=state.sla.due_at,
        sla_breached=state.sla_breached_at is not None,
        valid=money(verdict.valid) if verdict else None,
        invalid=money(verdict.invalid) if verdict else None,
        resolution_code=state.resolution_code,
        contact=state.contact,
        claim_number=state.claim_number,
    )


def _items(state: Dispute, money: Callable[[int], WireMoney]) -> tuple[public.DisputedItem, ...]:
    if state.verdict is None:
        return tuple([_item(item, None, money) for item in state.items])
    verdicts = {part.item: part for part in state.verdict.parts}
    return tuple([_item(item, verdicts.get(index), money) for index, item in enumerate(state.items)])


def _item(
    item: DisputeItem, verdict: stored.ItemVerdict | None, money: Callable[[int], WireMoney]
) -> public.DisputedItem:
    return public.DisputedItem(
        invoice_id=item.invoice_id,
        line=item.line,
        disputed=money(item.disputed),
        open=money(item.open),
        paid=money(item.paid),
        credited=money(item.credited),
        written_off=money(item.written_off),
        rejected=money(item.rejected),
        withdrawn=money(item.withdrawn),
        awaiting_credit=money(item.awaiting_credit),
        reduced=money(item.reduced),
        mismatch=item.mismatch,
        claimed_back=money(item.claimed_back) if item.claimed_back else None,
        denied=money(item.denied) if item.denied else None,
        valid=money(verdict.valid) if verdict else None,
        invalid=money(verdict.invalid) if verdict else None,
        legal_entity=item.legal_entity,
        shares_number=item.shares_number,
        awaiting_write_off=money(item.awaiting_write_off),
        awaiting_payment=money(item.awaiting_payment),
    )


def _sum(shares: Iterable[stored.Share]) -> int:
    return sum(share.amount for share in shares)


def _wire(minor: int, state: Dispute) -> WireMoney:
    return wire_in(state.currency)(minor)
