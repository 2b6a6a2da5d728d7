"""Sets and cancels the timer of each dispute's promise, following the own log.

A promise whose time was over when it was recorded (a dispute recorded late) rings a day after: the recorder has
that long to record its end as well. A breach that its business dates show is noted then.
"""

from datetime import datetime, timedelta

from dispute_service.disputes.events import (
    DisputeAssigned,
    DisputeClassified,
    DisputeEvent,
    DisputeOpened,
    DisputeReopened,
    DisputeResolved,
    DisputeWithdrawn,
    SlaBreached,
)
from dispute_service.disputes.stream import DISPUTE
from redress.timers.deadlines import Deadline, Deadlines

KIND = "sla"
RECORDED_LATE_GRACE = timedelta(hours=24)


def sla_clock() -> Deadlines[DisputeEvent]:
    """One pending timer per promise that is not kept or broken yet."""
    return Deadlines(DISPUTE, name="sla-clock", kind=KIND, deadline=_deadline)


def _deadline(event: DisputeEvent, recorded_at: datetime) -> Deadline:
    match event:
        case DisputeResolved() | DisputeWithdrawn() | SlaBreached():
            return "over"
        case DisputeOpened() | DisputeClassified() | DisputeAssigned() | DisputeReopened() if event.sla is not None:
            return ring_at(event.sla.due_at, recorded_at)
        case _:
            return None


def ring_at(due_at: datetime, recorded_at: datetime) -> datetime:
    """When the timer of a promise rings."""
    return due_at if due_at > recorded_at else recorded_at + RECORDED_LATE_GRACE
