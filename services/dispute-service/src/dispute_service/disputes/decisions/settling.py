"""What is resolved and not posted: it becomes overdue, somebody sees to it, a person says that nothing more comes."""

from datetime import datetime
from typing import assert_never

from dispute_service.disputes import commands as c
from dispute_service.disputes import events as e
from dispute_service.disputes.decisions.guards import must_be_allowed
from dispute_service.disputes.items import CREDIT_ORDER, awaited
from dispute_service.disputes.refusals import NoSettlementTask, SettlementTaskIsOver, SettlementTaskTaken
from dispute_service.disputes.settlement_terms import settlement
from dispute_service.disputes.state import Dispute, SettlementTask, Status, task_actions
from dispute_service.routing.matrix import ResolutionMatrix


def decide(
    command: c.SettlementCommand, state: Dispute, policy: ResolutionMatrix, now: datetime
) -> list[e.DisputeEvent]:
    match command:
        case c.Settle():
            return _settle(command, state, now)
        case c.NoteSettlementOverdue():
            return _note_overdue(command, state, now)
        case c.TakeSettlementTask():
            return _take(command, state)
        case c.HandOverSettlementTask():
            return _hand_over(command, state)
        case c.FinishSettlementTask():
            return _finish(command, state, policy, now)
    assert_never(command)


def _settle(command: c.Settle, state: Dispute, now: datetime) -> list[e.DisputeEvent]:
    if state.status is Status.RESOLVED and state.given_up_because == command.reason:
        return []
    must_be_allowed("settle", command.at, state, now)
    held = tuple(e.Share(index, held) for index, item in enumerate(state.items) if (held := item.held_awaiting))
    paid = tuple(e.Share(index, paid) for index, item in enumerate(state.items) if (paid := item.claimed_credit))
    return [e.SettlementGivenUp(at=command.at, shares=held, into=command.into, reason=command.reason, denied=paid)]


def _note_overdue(command: c.NoteSettlementOverdue, state: Dispute, now: datetime) -> list[e.DisputeEvent]:
    """A grant of before there were due dates has none of its own: it is overdue when its timer says so."""
    is_due = state.settlement is None or state.settlement.due_at == command.due_at
    has_task = state.settlement_task is not None and state.settlement_task.is_live
    if not state.awaiting or not is_due or has_task or now < command.due_at:
        return []
    return [e.SettlementOverdue(at=max(command.due_at, state.opened_at), due_at=command.due_at)]


def _take(command: c.TakeSettlementTask, state: Dispute) -> list[e.DisputeEvent]:
    task = _live(state)
    if task.owner == command.by:
        return []
    if task.owner is not None:
        raise SettlementTaskTaken(task.owner, task_actions(task.state, task.owner))
    return [e.SettlementTaskAssigned(at=command.at, owner=command.by, previous_owner=None, reason=None)]


def _hand_over(command: c.HandOverSettlementTask, state: Dispute) -> list[e.DisputeEvent]:
    task = _live(state)
    if (task.owner, task.why) == (command.to, command.reason):
        return []
    return [e.SettlementTaskAssigned(at=command.at, owner=command.to, previous_owner=task.owner, reason=command.reason)]


def _finish(
    command: c.FinishSettlementTask, state: Dispute, policy: ResolutionMatrix, now: datetime
) -> list[e.DisputeEvent]:
    """What is still awaited then has a new due date: nothing is held that nobody looks at again."""
    task = state.settlement_task
    if task is not None and (task.state, task.why) == ("done", command.result):
        return []
    _live(state)
    kinds = [kind for kind in CREDIT_ORDER[:-1] if any(awaited(item, kind) for item in state.items)]
    anew = settlement(command.terms, kinds, policy, state.routing.calendar, now)
    if anew is None:
        raise SettlementTaskIsOver("closed")
    return [e.SettlementTaskDone(at=command.at, by=command.by, result=command.result, settlement=anew)]


def _live(state: Dispute) -> SettlementTask:
    task = state.settlement_task
    if task is None:
        raise NoSettlementTask
    if not task.is_live:
        raise SettlementTaskIsOver(task.state)
    return task
