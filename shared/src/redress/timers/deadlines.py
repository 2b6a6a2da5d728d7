"""Sets and cancels the one timer that each stream of a kind has, following the own log.

Deadlines(PROMISE, name="promise-clock", kind="promise", deadline=deadline)
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Generic, Literal, TypeVar

from redress.decider import Decider
from redress.eventlog.connections import Connection
from redress.eventlog.events import RecordedEvent
from redress.ids import derived_uuid
from redress.timers.timers import cancel_all, schedule

E = TypeVar("E")

Deadline = datetime | Literal["over"] | None
"""What an event does to its stream's timer: set it to this instant, cancel it, or leave it as it is."""


class Deadlines(Generic[E]):
    """At most one pending timer of `kind` per stream. `deadline` says what an event and the time at which it was
    recorded do to it. `name` is the checkpoint's name for ever; the feature answers the timer (`timers={kind: …}`)."""

    reactor = True

    def __init__(
        self, decider: Decider[Any, E], *, name: str, kind: str, deadline: Callable[[E, datetime], Deadline]
    ) -> None:
        self.name = name
        self._decider = decider
        self._kind = kind
        self._deadline = deadline

    async def apply(self, connection: Connection, events: Sequence[RecordedEvent]) -> None:
        for event in events:
            if event.stream_type == self._decider.stream_type:
                fact = self._decider.codec.decode(event.type, event.schema_version, event.payload)
                await self._follow(connection, event, self._deadline(fact, event.recorded_at))

    async def _follow(self, connection: Connection, event: RecordedEvent, deadline: Deadline) -> None:
        if deadline is None:
            return
        await cancel_all(connection, event.tenant_id, event.stream_id, self._kind)
        if deadline != "over":
            # An id per event: an earlier timer that has fired must not keep this one from firing.
            timer_id = derived_uuid(f"{self._kind}-timer", str(event.stream_id), str(event.version))
            await schedule(
                connection, timer_id, event.tenant_id, event.stream_id, self._kind, deadline, cause=event.event_id
            )
