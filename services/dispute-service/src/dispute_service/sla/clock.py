"""Set and cancel the timer of each dispute's promise, following the own log.

A promise whose time was over when it was recorded (a dispute recorded late) rings a day after: the recorder has
that long to record its end as well. A breach that its business dates show is noted then.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from dispute_service.disputes.events import (
    DisputeAssigned,
    DisputeClassified,
    DisputeOpened,
    DisputeReopened,
    DisputeResolved,
    DisputeWithdrawn,
    SlaBreached,
)
from dispute_service.disputes.stream import DISPUTE
from dispute_service.routing.sla import Sla
from redress.eventlog.connections import Connection
from redress.eventlog.events import RecordedEvent
from redress.ids import derived_uuid
from redress.timers.timers import cancel_all, schedule

KIND = "sla"
RECORDED_LATE_GRACE = timedelta(hours=24)


class SlaClock:
    """One pending timer per promise that is not kept or broken yet."""

    name = "sla-clock"
    reactor = True

    async def apply(self, connection: Connection, events: Sequence[RecordedEvent]) -> None:
        for event in events:
            if event.stream_type != DISPUTE.stream_type:
                continue
            decoded = DISPUTE.codec.decode(event.type, event.schema_version, event.payload)
            if isinstance(decoded, DisputeResolved | DisputeWithdrawn | SlaBreached):
                await cancel_all(connection, event.tenant_id, event.stream_id, KIND)
            elif (
                isinstance(decoded, DisputeOpened | DisputeClassified | DisputeAssigned | DisputeReopened)
                and decoded.sla
            ):
                await self._set(connection, event, decoded.sla)

    async def _set(self, connection: Connection, event: RecordedEvent, sla: Sla) -> None:
        await cancel_all(connection, event.tenant_id, event.stream_id, KIND)
        # An id per promise: an earlier one that has rung must not keep this one from ringing.
        timer_id = derived_uuid("sla-timer", str(event.stream_id), str(event.version))
        rings_at = ring_at(sla.due_at, event.recorded_at)
        await schedule(connection, timer_id, event.tenant_id, event.stream_id, KIND, rings_at, cause=event.event_id)


def ring_at(due_at: datetime, recorded_at: datetime) -> datetime:
    """When the timer of a promise rings."""
    return due_at if due_at > recorded_at else recorded_at + RECORDED_LATE_GRACE
