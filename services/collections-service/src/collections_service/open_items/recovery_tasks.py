"""The tasks to collect again what was contested in vain: one at a time per dispute and invoice.

A task begins when the amount is found invalid and ends when it is done or contested again. Pure.
"""

from typing import assert_never

from collections_service.open_items.commands import (
    FinishRecoveryTask,
    HandOverRecoveryTask,
    RecoveryTaskCommand,
    ReportDispute,
    TakeRecoveryTask,
)
from collections_service.open_items.events import (
    OpenItemEvent,
    RecoveryTaskAssigned,
    RecoveryTaskClosed,
    RecoveryTaskDone,
    RecoveryTaskOpened,
    RecoveryTaskResized,
)
from collections_service.open_items.refusals import TaskIsOver, TaskTaken
from collections_service.open_items.state import OpenItem, RecoveryTask
from redress.money import Money


def task_changes(report: ReportDispute, newly_rejected: int, after: OpenItem) -> list[OpenItemEvent]:
    """What a report makes of the dispute's task; `after` is the invoice with everything else that it brings."""
    if after.terms is None or report.rejected.currency != after.terms.total.currency:
        return []
    dispute, currency = report.dispute_id, after.terms.total.currency
    known = after.task(dispute)
    task = known if known is not None and known.is_live else None
    rejected = report.rejected.minor
    if not rejected:  # also a task that was done: what it was about is contested again, and nobody may chase it
        is_over = known is None or known.state == "closed"
        return [] if is_over else [RecoveryTaskClosed(dispute_id=dispute, why=report.outcome)]
    others = sum(other.minor for other in after.tasks if other.is_live and other is not task)
    before = task.minor if task else 0
    amount = min(rejected, before + max(0, newly_rejected), max(before, after.undisputed_minor - others))
    if amount == before or amount <= 0:
        return []
    if task is None:
        return [RecoveryTaskOpened(dispute_id=dispute, amount=Money(amount, currency))]
    return [RecoveryTaskResized(dispute_id=dispute, amount=Money(amount, currency))]


def decide(command: RecoveryTaskCommand, item: OpenItem) -> list[OpenItemEvent]:
    """Nothing where it is so already. Refusals: TaskTaken, TaskIsOver."""
    task = item.task(command.dispute_id)
    if task is None or task.number != command.number:
        raise TaskIsOver("closed")
    match command:
        case TakeRecoveryTask():
            return _take(command, task)
        case HandOverRecoveryTask():
            return _hand_over(command, task)
        case FinishRecoveryTask():
            return _finish(command, task)
    assert_never(command)


def allowed_actions(task: RecoveryTask) -> tuple[str, ...]:
    """The actions that a person may take now."""
    if not task.is_live:
        return ()
    return ("take", "hand-over", "finish") if task.owner is None else ("hand-over", "finish")


def _take(command: TakeRecoveryTask, task: RecoveryTask) -> list[OpenItemEvent]:
    _must_be_live(task)
    if task.owner == command.by:
        return []
    if task.owner is not None:
        raise TaskTaken(task.owner, allowed_actions(task))
    return [RecoveryTaskAssigned(dispute_id=task.dispute_id, owner=command.by, previous_owner=None, reason=None)]


def _hand_over(command: HandOverRecoveryTask, task: RecoveryTask) -> list[OpenItemEvent]:
    _must_be_live(task)
    if (task.owner, task.why) == (command.to, command.reason):
        return []
    return [
        RecoveryTaskAssigned(
            dispute_id=task.dispute_id, owner=command.to, previous_owner=task.owner, reason=command.reason
        )
    ]


def _finish(command: FinishRecoveryTask, task: RecoveryTask) -> list[OpenItemEvent]:
    if (task.state, task.why) == ("done", command.result):
        return []
    _must_be_live(task)
    return [RecoveryTaskDone(dispute_id=task.dispute_id, by=command.by, result=command.result)]


def _must_be_live(task: RecoveryTask) -> None:
    if not task.is_live:
        raise TaskIsOver(task.state)
