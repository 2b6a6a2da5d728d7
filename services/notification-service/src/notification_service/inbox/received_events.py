"""Read model: every event that was received, of any service. It answers "why was nobody told?" for events without a
rule."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct

from notification_service.inbox.sources import EventSource
from notification_service.notices.notice import Subject
from redress.contracts.envelope import PublishedEvent
from redress.eventlog.connections import Connection


class ReceivedEventRow(Struct, frozen=True, kw_only=True):
    """`source` is the service that published it."""

    event_id: str
    source: str
    type: str
    subject: Subject
    version: int
    effective_at: datetime
    recorded_at: datetime


class ReceivedEvents:
    """Follows one service; all of them write into one table."""

    name = "heard_events"  # of its checkpoint, for ever
    tables = ("heard_event",)

    def __init__(self, source: EventSource[Any]) -> None:
        self._source = source

    async def apply(self, connection: Connection, events: Sequence[PublishedEvent]) -> None:
        received = self._source.all_received(events)
        if not received:
            return
        await connection.execute(
            "INSERT INTO heard_event"
            " (tenant_id, event_id, source, type, subject_type, subject_id, version, effective_at, recorded_at)"
            " SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[],"
            " $7::bigint[], $8::timestamptz[], $9::timestamptz[]) ON CONFLICT DO NOTHING",
            [event.tenant for event, _ in received],
            [known.event_id for _, known in received],
            [known.source for _, known in received],
            [known.type for _, known in received],
            [known.subject.type for _, known in received],
            [known.subject.id for _, known in received],
            [known.version for _, known in received],
            [known.effective_at for _, known in received],
            [known.recorded_at for _, known in received],
        )


async def received_event_row(connection: Connection, tenant_id: str, event_id: str) -> ReceivedEventRow | None:
    """The event as it was received; None if it was not, or not yet."""
    row = await connection.fetchrow(
        "SELECT event_id, source, type, subject_type, subject_id, version, effective_at, recorded_at FROM heard_event"
        " WHERE tenant_id = $1 AND event_id = $2",
        tenant_id,
        event_id,
    )
    if row is None:
        return None
    return ReceivedEventRow(
        event_id=row["event_id"],
        source=row["source"],
        type=row["type"],
        subject=Subject(row["subject_type"], row["subject_id"]),
        version=row["version"],
        effective_at=row["effective_at"],
        recorded_at=row["recorded_at"],
    )
