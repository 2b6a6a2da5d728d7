"""The history of one notification, state by state."""

from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct

from notification_service.notices.reasons import meaning
from notification_service.notifications.state import Notification
from notification_service.notifications.stream import NOTIFICATION
from redress.eventlog.events import RecordedEvent


class Step(Struct, frozen=True, kw_only=True):
    """One event: what it was, the state after it, and why. `at` is when it was recorded."""

    version: int
    at: datetime
    event: str
    status: str
    attempt: int
    reason: str | None
    because: str | None
    next_at: datetime | None
    server_code: str | None


class NotificationHistory(Struct, frozen=True):
    """A notification as it was after the last of its steps."""

    version: int
    state: Notification
    steps: tuple[Step, ...]


def history_of(events: Sequence[RecordedEvent]) -> NotificationHistory:
    state = NOTIFICATION.initial
    steps: list[Step] = []
    for stored in events:
        event = NOTIFICATION.codec.decode(stored.type, stored.schema_version, stored.payload)
        state = NOTIFICATION.evolve(state, event)
        steps.append(
            Step(
                version=stored.version,
                at=stored.recorded_at,
                event=stored.type,
                status=state.status.value,
                attempt=state.attempts,
                reason=None if state.reason is None else state.reason.value,
                because=None if state.reason is None else meaning(state.reason),
                next_at=state.due_at,
                server_code=getattr(event, "server_code", None),
            )
        )
    return NotificationHistory(events[-1].version if events else 0, state, tuple(steps))
