"""Commands that end a dispute or bring it back: decide, resolve, close, withdraw, reopen."""

from collections.abc import Iterable
from datetime import datetime
from typing import assert_never

from msgspec import structs

from dispute_service.disputes import commands as c
from dispute_service.disputes import events as e
from dispute_service.disputes.decisions.guards import (
    breach_if_late,
    denied,
    must_be_allowed,
    must_be_root_cause,
    must_count_in_time,
    promise,
    says_no_other_time,
)
from dispute_service.disputes.items import filled, reopenable
from dispute_service.disputes.outcomes import WHOLE, is_what_was_resolved, outcomes_of
from dispute_service.disputes.refusals import ClaimIsPaid, CreditOfMismatch, NothingToReopen, UnknownCode, WrongState
from dispute_service.disputes.settlement_terms import settlement
from dispute_service.disputes.state import TRANSITIONS, Dispute, Status, Verdict, allowed_actions
from dispute_service.disputes.verdicts import verdicts_of
from dispute_service.reasons.catalogue import RESOLUTION_CODES
from dispute_service.routing.matrix import ResolutionMatrix


def decide(command: c.EndingCommand, state: Dispute, policy: ResolutionMatrix, now: datetime) -> list[e.DisputeEvent]:
    match command:
        case c.Decide():
            return _decide(command, state, now)
        case c.Resolve():
            return _resolve(command, state, policy, now)
        case c.Close():
            return _close(command, state, now)
        case c.Reopen():
            return _reopen(command, state, policy, now)
        case c.Withdraw():
            return _withdraw(command, state, now)
    assert_never(command)


def _decide(command: c.Decide, state: Dispute, now: datetime) -> list[e.DisputeEvent]:
    must_be_allowed("decide", command.at, state, now)
    must_be_root_cause(command.root_cause)
    verdicts, spread = verdicts_of(command, state)
    verdict = Verdict(
        valid=sum(part.valid for part in verdicts),
        invalid=sum(part.invalid for part in verdicts),
        root_cause=command.root_cause,
        rationale=command.rationale,
        parts=verdicts,
        spread=spread,
    )
    if (verdict, command.root_cause) == (state.verdict, state.root_cause):
        return []
    return [
        e.DisputeDecided(
            at=command.at,
            valid=verdict.valid,
            invalid=verdict.invalid,
            verdicts=verdicts,
            root_cause=command.root_cause,
            rationale=command.rationale,
            spread=spread,
        )
    ]


def _resolve(command: c.Resolve, state: Dispute, policy: ResolutionMatrix, now: datetime) -> list[e.DisputeEvent]:
    if _is_resolved_so(command, state, now):
        return []
    must_be_allowed("resolve", command.at, state, now)
    if command.resolution_code not in {code.code for code in RESOLUTION_CODES}:
        raise UnknownCode("resolution_code", command.resolution_code, tuple(code.code for code in RESOLUTION_CODES))
    outcomes, spread = outcomes_of(command, state)
    _must_be_served(outcomes, state)
    _must_answer_claims(command.resolution_code, outcomes, state)
    rejected = {outcome.item: outcome.rejected + outcome.withdrawn for outcome in outcomes}
    in_vain = denied(state, command.at, [rejected.get(index, 0) for index in range(len(state.items))])
    return [
        *breach_if_late(state, command.at),
        *in_vain,
        e.DisputeResolved(
            at=command.at,
            resolution_code=command.resolution_code,
            outcomes=_without_what_is_paid(outcomes, state),
            rationale=command.rationale,
            spread=spread,
            settlement=settlement(command.terms, _awaited(outcomes), policy, state.routing.calendar, command.at),
        ),
    ]


def _awaited(outcomes: Iterable[e.ItemOutcome]) -> list[str]:
    """The kinds of posting that are awaited."""
    kinds: list[str] = []
    for outcome in outcomes:
        due = {"credit": outcome.credit, "write_off": outcome.write_off_due, "payment": outcome.payment_due}
        kinds += [kind for kind, amount in due.items() if amount]
    return kinds


def _is_resolved_so(command: c.Resolve, state: Dispute, now: datetime) -> bool:
    return (
        state.status in {Status.SETTLING, Status.RESOLVED, Status.CLOSED}
        and state.resolution_code == command.resolution_code
        and command.rationale in {None, state.rationale}
        and says_no_other_time(command.at, state.resolved_at, now)
        and is_what_was_resolved(command, state)
    )


def _must_be_served(outcomes: Iterable[e.ItemOutcome], state: Dispute) -> None:
    for outcome in outcomes:
        item = state.items[outcome.item]
        if outcome.credit and item.mismatch is not None:
            allowed = tuple(code for code, where in WHOLE.items() if where != "credit")
            raise CreditOfMismatch(outcome.item, item.invoice_id, item.mismatch, allowed)


def _must_answer_claims(code: str, outcomes: Iterable[e.ItemOutcome], state: Dispute) -> None:
    """What is paid already is credited, refunded or claimed in vain; it is neither paid again nor written off."""
    for outcome in outcomes:
        item = state.items[outcome.item]
        is_paid = outcome.paid or outcome.payment_due or outcome.written_off or outcome.write_off_due
        if item.claimed_contested and is_paid:
            raise ClaimIsPaid(outcome.item, item.invoice_id, code)


def _without_what_is_paid(outcomes: Iterable[e.ItemOutcome], state: Dispute) -> tuple[e.ItemOutcome, ...]:
    """The outcomes of what is not paid yet: a claim in vain is rejected, and nothing of it is to be collected."""
    left: list[e.ItemOutcome] = []
    for outcome in outcomes:
        rejected, withdrawn = filled(state.items[outcome.item].claimed_contested, [outcome.rejected, outcome.withdrawn])
        left.append(
            structs.replace(outcome, rejected=outcome.rejected - rejected, withdrawn=outcome.withdrawn - withdrawn)
        )
    return tuple(left)


def _close(command: c.Close, state: Dispute, now: datetime) -> list[e.DisputeEvent]:
    if state.status is Status.CLOSED and says_no_other_time(command.at, state.closed_at, now):
        return []
    must_be_allowed("close", command.at, state, now)
    return [e.DisputeClosed(at=command.at)]


def _reopen(command: c.Reopen, state: Dispute, policy: ResolutionMatrix, now: datetime) -> list[e.DisputeEvent]:
    if state.is_active and state.reopen_reason == command.reason:
        return []
    if state.status not in TRANSITIONS["reopen"]:
        raise WrongState("reopen", state.status, allowed_actions(state))
    must_count_in_time(command.at, state, now)
    if not any(reopenable(item) for item in state.items):
        raise NothingToReopen
    shares = tuple(
        e.Share(index, back) for index, item in enumerate(state.items) if (back := reopenable(item) - item.awaiting)
    )
    contested = state.open + sum(share.amount for share in shares)
    routing, sla = promise(policy, state.reason_code, state.money(contested), state.legal_entity, command.at)
    return [e.DisputeReopened(at=command.at, reason=command.reason, shares=shares, routing=routing, sla=sla)]


def _withdraw(command: c.Withdraw, state: Dispute, now: datetime) -> list[e.DisputeEvent]:
    if (
        state.resolution_code == "WITHDRAWN"
        and state.withdrawal_reason == command.reason
        and says_no_other_time(command.at, state.resolved_at, now)
    ):
        return []
    must_be_allowed("withdraw", command.at, state, now)
    shares = tuple(e.Share(index, item.held_contested) for index, item in enumerate(state.items) if item.held_contested)
    return [
        *breach_if_late(state, command.at),
        *denied(state, command.at),
        e.DisputeWithdrawn(at=command.at, reason=command.reason, shares=shares),
    ]
