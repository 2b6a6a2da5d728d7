"""Disputed amounts that were found invalid and are to be collected after all: one task per finding."""

from collections.abc import Sequence

from collections_service.open_items.events import RecoveryTaskOpened
from collections_service.open_items.stream import INVOICE
from redress.eventlog.connections import Connection
from redress.eventlog.events import RecordedEvent


class RecoveryTasks:
    """The projection `recovery_tasks`. The invoice says whether its task is done."""

    name = "recovery_tasks"
    tables = ("recovery_task",)

    async def apply(self, connection: Connection, events: Sequence[RecordedEvent]) -> None:
        opened: list[tuple[RecordedEvent, RecoveryTaskOpened]] = []
        for event in events:
            if event.stream_type == INVOICE.stream_type and event.type == "recollection-task-opened":
                task = INVOICE.codec.decode(event.type, event.schema_version, event.payload)
                if isinstance(task, RecoveryTaskOpened):
                    opened.append((event, task))
        if not opened:
            return
        await connection.execute(
            "INSERT INTO recovery_task (tenant_id, task_id, seq, item, dispute_id, currency, amount, opened_at)"
            " SELECT * FROM unnest($1::text[], $2::uuid[], $3::bigint[], $4::uuid[], $5::text[], $6::text[],"
            " $7::bigint[], $8::timestamptz[])",
            [event.tenant_id for event, _ in opened],
            [event.event_id for event, _ in opened],
            [event.seq for event, _ in opened],
            [event.stream_id for event, _ in opened],
            [task.dispute_id for _, task in opened],
            [task.amount.currency for _, task in opened],
            [task.amount.minor for _, task in opened],
            [event.effective_at for event, _ in opened],
        )
