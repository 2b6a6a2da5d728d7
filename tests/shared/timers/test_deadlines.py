"""A stream's timer follows the stream's events: set, moved, cancelled, left alone."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import asyncpg
import msgspec
import pytest
from msgspec import Struct
from support.databases import MakeDatabase
from support.event_log import install_event_log
from support.notes import worker_pool

from redress.codec import Codec
from redress.decider import Decider
from redress.eventlog.events import RecordedEvent
from redress.ids import derived_uuid
from redress.timers.deadlines import Deadline, Deadlines

RECORDED = datetime(2026, 3, 4, 9, 0, tzinfo=UTC)
FRIDAY, MONDAY = datetime(2026, 3, 6, tzinfo=UTC), datetime(2026, 3, 9, tzinfo=UTC)


class Promised(Struct, frozen=True):
    until: datetime


class Noted(Struct, frozen=True):
    pass


class Kept(Struct, frozen=True):
    pass


PROMISE: Decider[None, Promised | Noted | Kept] = Decider(
    stream_type="promise",
    initial=None,
    evolve=lambda state, _: state,
    codec=Codec({"promised": (1, Promised), "noted": (1, Noted), "kept": (1, Kept)}),
)


def deadline(event: Promised | Noted | Kept, recorded_at: datetime) -> Deadline:
    match event:
        case Promised():
            return max(event.until, recorded_at)
        case Kept():
            return "over"
        case Noted():
            return None


def _stored(*events: Promised | Noted | Kept, after: int = 0, stream_type: str = "promise") -> list[RecordedEvent]:
    stored = []
    for version, event in enumerate(events, after + 1):
        name, schema_version, payload = PROMISE.codec.encode(event)
        stored.append(
            RecordedEvent(
                event_id=derived_uuid("event", str(version)),
                tenant_id="acme",
                stream_id=derived_uuid("promise"),
                stream_type=stream_type,
                version=version,
                type=name,
                schema_version=schema_version,
                payload=payload,
                meta=msgspec.json.encode({}),
                effective_at=RECORDED,
                recorded_at=RECORDED,
                hash=b"",
                prev_hash=b"",
                seq=version,
            )
        )
    return stored


class FollowedService:
    """The reactor on a database, and the timers there."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def timers(self, events: list[RecordedEvent]) -> list[tuple[str, str, datetime]]:
        """Those that are there after these events too."""
        clock = Deadlines(PROMISE, name="promise-clock", kind="promise", deadline=deadline)
        async with self._pool.acquire() as connection, connection.transaction():
            await clock.apply(connection, events)
        rows = await self._pool.fetch("SELECT kind, state, due_at FROM es.timer ORDER BY due_at")
        return [tuple(row) for row in rows]


@pytest.fixture
async def followed(make_database: MakeDatabase) -> AsyncIterator[FollowedService]:
    database = await make_database("dispute", prepare=install_event_log)
    async with worker_pool(database) as pool:
        yield FollowedService(pool)


async def test_a_later_event_sets_another_timer_in_the_place_of_the_first(followed: FollowedService) -> None:
    assert await followed.timers(_stored(Promised(FRIDAY))) == [("promise", "pending", FRIDAY)]
    assert await followed.timers(_stored(Noted(), after=1)) == [("promise", "pending", FRIDAY)]
    assert await followed.timers(_stored(Promised(MONDAY), after=2)) == [
        ("promise", "cancelled", FRIDAY),
        ("promise", "pending", MONDAY),
    ]


async def test_what_is_over_has_no_timer_left(followed: FollowedService) -> None:
    assert await followed.timers(_stored(Promised(FRIDAY), Kept())) == [("promise", "cancelled", FRIDAY)]


async def test_the_time_of_recording_counts_and_other_streams_do_not(followed: FollowedService) -> None:
    assert await followed.timers(_stored(Promised(MONDAY), stream_type="note")) == []
    assert await followed.timers(_stored(Promised(datetime(2026, 1, 1, tzinfo=UTC)))) == [
        ("promise", "pending", RECORDED)
    ]
