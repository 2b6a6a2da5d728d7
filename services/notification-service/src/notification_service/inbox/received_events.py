"""Read model: every dispute event that was heard. It answers "why was nobody told?" for events without a rule."""

from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct

from notification_service.inbox.contracts import received_events
from redress.contracts.envelope import Published
from redress.projections.projection import Connection


class ReceivedEventRow(Struct, frozen=True, kw_only=True):
    event_id: str
    type: str
    dispute_id: str
    version: int
    effective_at: datetime
    recorded_at: datetime


class ReceivedEvents:
    """Follows dispute-service."""

    name = "heard_events"
    tables = ("heard_event",)

    async def apply(self, connection: Connection, events: Sequence[Published]) -> None:
        heard = received_events(events)
        if not heard:
            return
        await connection.execute(
            "INSERT INTO heard_event (tenant_id, event_id, type, dispute_id, version, effective_at, recorded_at)"
            " SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::timestamptz[],"
            " $7::timestamptz[]) ON CONFLICT DO NOTHING",
            [event.tenant for event, _ in heard],
            [known.event_id for _, known in heard],
            [known.type for _, known in heard],
            [known.event.dispute.dispute_id for _, known in heard],
            [known.version for _, known in heard],
            [known.effective_at for _, known in heard],
            [known.recorded_at for _, known in heard],
        )


async def received_event_row(connection: Connection, tenant_id: str, event_id: str) -> ReceivedEventRow | None:
    """The event as it was heard; None if it was not, or not yet."""
    row = await connection.fetchrow(
        "SELECT event_id, type, dispute_id, version, effective_at, recorded_at FROM heard_event"
        " WHERE tenant_id = $1 AND event_id = $2",
        tenant_id,
        event_id,
    )
    return None if row is None else ReceivedEventRow(**dict(row))
