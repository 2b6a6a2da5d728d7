"""The recovery tasks of all invoices, a row each: amounts that were disputed in vain and are to be collected."""

from collections.abc import Sequence
from typing import assert_never, get_args

from msgspec import Struct

from collections_service.open_items.events import (
    OPEN_ITEM_CODEC,
    RecoveryTaskAssigned,
    RecoveryTaskClosed,
    RecoveryTaskDone,
    RecoveryTaskEvent,
    RecoveryTaskOpened,
    RecoveryTaskResized,
)
from collections_service.open_items.stream import INVOICE
from redress.eventlog.connections import Connection
from redress.eventlog.events import RecordedEvent

REPLACED = "replaced"  # closes a task whose dispute gets another one; before they were closed, logs had such pairs
_KINDS = get_args(RecoveryTaskEvent)
_STORED_NAMES = frozenset(
    {
        "recollection-task-opened",
        "recovery-task-resized",
        "recovery-task-assigned",
        "recovery-task-done",
        "recovery-task-closed",
    }
)


class RecoveryTasks:
    """The projection `recovery_tasks`. How much of a task is still open, the invoice says."""

    name = "recovery_tasks"
    tables = ("recovery_task",)

    async def apply(self, connection: Connection, events: Sequence[RecordedEvent]) -> None:
        for event in events:
            if event.stream_type == INVOICE.stream_type and event.type in _STORED_NAMES:
                change = OPEN_ITEM_CODEC.decode(event.type, event.schema_version, event.payload)
                if isinstance(change, _KINDS):
                    await _change(connection, event, change)
                if isinstance(change, RecoveryTaskOpened):
                    await _open(connection, event, change)


class _Columns(Struct, frozen=True, kw_only=True):
    """What an event makes of the newest task of its dispute. Without a `state` it says nothing of owner and reason."""

    amount: int | None = None
    state: str | None = None
    why: str | None = None
    owner: str | None = None
    assigns: bool = False
    only_live: bool = False


def _columns(change: RecoveryTaskEvent) -> _Columns:
    match change:
        case RecoveryTaskOpened():
            return _Columns(state="closed", why=REPLACED, only_live=True)
        case RecoveryTaskResized(amount=amount):
            return _Columns(amount=amount.minor)
        case RecoveryTaskAssigned(owner=owner, reason=reason):
            return _Columns(state="open" if owner is None else "taken", owner=owner, why=reason, assigns=True)
        case RecoveryTaskDone(result=result):
            return _Columns(state="done", why=result)
        case RecoveryTaskClosed(why=why):
            return _Columns(state="closed", why=why)
        case _:
            assert_never(change)


async def _change(connection: Connection, event: RecordedEvent, change: RecoveryTaskEvent) -> None:
    columns = _columns(change)
    await connection.execute(
        "UPDATE recovery_task SET amount = coalesce($4::bigint, amount), state = coalesce($5::text, state),"
        " why = CASE WHEN $5::text IS NULL THEN why ELSE $6::text END,"
        " owner = CASE WHEN $7::boolean THEN $8::text ELSE owner END"
        " WHERE tenant_id = $1 AND item = $2 AND dispute_id = $3 AND (NOT $9::boolean OR state IN ('open', 'taken'))"
        " AND number = (SELECT max(number) FROM recovery_task"
        " WHERE tenant_id = $1 AND item = $2 AND dispute_id = $3)",
        event.tenant_id,
        event.stream_id,
        change.dispute_id,
        columns.amount,
        columns.state,
        columns.why,
        columns.assigns,
        columns.owner,
        columns.only_live,
    )


async def _open(connection: Connection, event: RecordedEvent, task: RecoveryTaskOpened) -> None:
    await connection.execute(
        "INSERT INTO recovery_task (tenant_id, task_id, seq, item, dispute_id, currency, amount, opened_at, number)"
        " SELECT $1, $2, $3, $4, $5, $6, $7, $8, 1 + coalesce(max(number), 0)"
        " FROM recovery_task WHERE tenant_id = $1 AND item = $4 AND dispute_id = $5",
        event.tenant_id,
        event.event_id,
        event.seq,
        event.stream_id,
        task.dispute_id,
        task.amount.currency,
        task.amount.minor,
        event.effective_at,
    )
