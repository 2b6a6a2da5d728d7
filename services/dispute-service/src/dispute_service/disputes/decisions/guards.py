"""The checks that several commands share, and the promise that follows from the clock and the matrix."""

from collections.abc import Sequence
from datetime import datetime

from dispute_service.disputes import events as e
from dispute_service.disputes.refusals import EffectiveBeforeOpening, EffectiveInFuture, UnknownCode, WrongState
from dispute_service.disputes.state import TRANSITIONS, Dispute, allowed_actions
from dispute_service.reasons.catalogue import ROOT_CAUSE_CODES
from dispute_service.routing.matrix import ResolutionMatrix, Routing, RoutingInputs, route
from dispute_service.routing.sla import Sla, sla_of
from redress.money import Money


def must_be_allowed(action: str, at: datetime, state: Dispute, now: datetime) -> None:
    if state.status not in TRANSITIONS[action]:
        raise WrongState(action, state.status, allowed_actions(state))
    must_count_in_time(at, state, now)


def must_count_in_time(at: datetime, state: Dispute, now: datetime) -> None:
    if at > now:
        raise EffectiveInFuture(at, now)
    if at < state.opened_at:
        raise EffectiveBeforeOpening(at, state.opened_at)


def says_no_other_time(at: datetime, recorded: datetime | None, now: datetime) -> bool:
    """Whether a repeated command names the recorded time or none: without one it counts from now."""
    return at in {now, recorded}


def must_be_root_cause(code: str | None) -> None:
    if code is not None and code not in ROOT_CAUSE_CODES:
        raise UnknownCode("root_cause", code, tuple(sorted(ROOT_CAUSE_CODES)))


def promise(
    policy: ResolutionMatrix, reason_code: str, amount: Money, legal_entity: str | None, start: datetime
) -> tuple[Routing, Sla]:
    routing = route(policy, RoutingInputs(reason_code=reason_code, amount=amount, legal_entity=legal_entity))
    return routing, sla_of(policy, routing, start)


def breach_if_late(state: Dispute, at: datetime) -> list[e.DisputeEvent]:
    """The breach, if the dispute is answered at `at` and that is too late and was not noted yet."""
    if state.sla_breached_at is not None or at <= state.sla.due_at:
        return []
    return [e.SlaBreached(at=state.sla.due_at, due_at=state.sla.due_at)]


def denied(state: Dispute, at: datetime, amounts: Sequence[int] | None = None) -> list[e.DisputeEvent]:
    """What is claimed back in vain, item by item; None: all that nothing is granted of."""
    most = [item.claimed_contested for item in state.items]
    shares = tuple(
        e.Share(index, amount)
        for index, (room, wanted) in enumerate(zip(most, amounts or most, strict=True))
        if (amount := min(room, wanted))
    )
    return [e.ClaimDenied(at=at, shares=shares)] if shares else []
