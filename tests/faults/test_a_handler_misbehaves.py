"""Rows 41 and 42: a handler that never comes back, and events of a newer release, for which the old one waits."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import asyncpg
import pytest
from msgspec import Struct
from support.databases import MakeDatabase
from support.event_log import META, a_write, stream_id
from support.notes import SeenNotes, install_notes, notes_seen, worker_pool

from redress.codec import Codec
from redress.contracts.envelope import PublishedEvent
from redress.eventlog.connections import Connection
from redress.eventlog.events import NewEvent, RecordedEvent, StreamWrite
from redress.eventlog.postgres import PostgresEventLog
from redress.ids import new_uuid
from redress.messaging.log_source import LogSource
from redress.projections.database import DatabaseGone
from redress.projections.runner import Runner


@asynccontextmanager
async def _service(make_database: MakeDatabase) -> AsyncIterator[tuple[PostgresEventLog, asyncpg.Pool]]:
    database = await make_database("dispute", prepare=install_notes)
    async with PostgresEventLog.open(database.worker) as log, worker_pool(database) as pool:
        yield log, pool


@pytest.fixture
async def service(make_database: MakeDatabase) -> AsyncIterator[tuple[PostgresEventLog, asyncpg.Pool]]:
    async with _service(make_database) as made:
        yield made


async def write(log: PostgresEventLog, *writes: StreamWrite) -> None:
    for each in writes:
        await log.append("acme", [each])
    await log.wait_for(sum(len(each.events) for each in writes), 5.0)


async def parked(pool: asyncpg.Pool) -> list[int]:
    return [
        row["seq"] for row in await pool.fetch("SELECT seq FROM es.parked WHERE parked_at IS NOT NULL ORDER BY seq")
    ]


async def test_row_41_a_handler_whose_statement_never_ends_is_cut_off_and_its_stream_parked(
    service: tuple[PostgresEventLog, asyncpg.Pool],
) -> None:
    log, pool = service

    class StuckHandler(SeenNotes):
        async def apply(self, connection: Connection, events: Sequence[RecordedEvent | PublishedEvent]) -> None:
            await super().apply(connection, events)
            if "endless" in self.batches[-1]:
                await connection.execute("SET LOCAL statement_timeout = '50ms'")  # the worker's role has 30 s
                await connection.execute("SELECT pg_sleep(3600)")

    await write(log, a_write("sick", 0, "before", "endless", "behind"), a_write("well", 0, "fine"))
    runner = Runner(pool, StuckHandler(), LogSource(log), pauses_s=(0.0,))
    await runner.open()
    await runner.catch_up()
    assert await notes_seen(pool) == ["before", "fine"]
    assert await parked(pool) == [2, 3]


async def test_row_41_a_handler_that_waits_inside_its_transaction_loses_it_and_is_parked_in_the_end(
    service: tuple[PostgresEventLog, asyncpg.Pool],
) -> None:
    """The database ends the session; each new start counts as a try, until the event is put aside."""
    log, pool = service

    class SleepingHandler(SeenNotes):
        async def apply(self, connection: Connection, events: Sequence[RecordedEvent | PublishedEvent]) -> None:
            await super().apply(connection, events)
            if "dream" in self.batches[-1]:
                await connection.execute("SET LOCAL idle_in_transaction_session_timeout = '20ms'")  # the role: 10 s
                await asyncio.sleep(0.2)
                await connection.execute("SELECT 1")

    await write(log, a_write("sick", 0, "before", "dream", "behind"), a_write("well", 0, "fine"))
    for _ in range(5):
        runner = Runner(pool, SleepingHandler(), LogSource(log), pauses_s=(0.0,))
        await runner.open()
        with pytest.raises(DatabaseGone):
            await runner.catch_up()
    runner = Runner(pool, SleepingHandler(), LogSource(log), pauses_s=(0.0,))
    await runner.open()
    await runner.catch_up()
    assert await notes_seen(pool) == ["before", "fine"]
    assert await parked(pool) == [2, 3]


class NoteV1(Struct, frozen=True):
    note: str


class NoteV2(Struct, frozen=True):
    note: str
    mood: str


OLD: Codec[NoteV1] = Codec({"note-added": (1, NoteV1)})
NEW: Codec[NoteV2] = Codec({"note-added": (2, NoteV2)}, {("note-added", 1): lambda old: {**old, "mood": "unknown"}})


class ReleaseReading(SeenNotes):
    """A release: it reads through its codec, as services do."""

    def __init__(self, codec: Codec[NoteV1] | Codec[NoteV2]) -> None:
        super().__init__()
        self._codec = codec

    async def apply(self, connection: Connection, events: Sequence[RecordedEvent | PublishedEvent]) -> None:
        for event in events:
            assert isinstance(event, RecordedEvent)
            self._codec.decode(event.type, event.schema_version, event.payload)
        await super().apply(connection, events)


def of_the_new_release(note: str) -> NewEvent:
    name, version, payload = NEW.encode(NoteV2(note, "calm"))
    known = a_write("any", 0, "any").events[0]
    return NewEvent(
        event_id=new_uuid(), type=name, schema_version=version, payload=payload, meta=META,
        effective_at=known.effective_at,
    )  # fmt: skip


async def test_row_42_the_old_release_puts_newer_events_aside_and_the_new_one_takes_them_in_order(
    service: tuple[PostgresEventLog, asyncpg.Pool],
) -> None:
    log, pool = service
    await write(
        log,
        a_write("mixed", 0, "old one", of_the_new_release("new one"), "old again"),
        a_write("other", 0, "old too"),
    )
    old = Runner(pool, ReleaseReading(OLD), LogSource(log), pauses_s=(0.0,))
    await old.open()
    await old.catch_up()
    assert await notes_seen(pool) == ["old one", "old too"]
    assert await parked(pool) == [2, 3]

    upgraded = Runner(pool, ReleaseReading(NEW), LogSource(log), pauses_s=(0.0,))
    await upgraded.open()
    released = await upgraded.unpark()
    assert (released.applied, released.remaining) == (2, 0)
    rows = await pool.fetch("SELECT note FROM read.seen WHERE stream_id = $1", stream_id("mixed"))
    assert [row["note"] for row in rows] == ["old one", "new one", "old again"]

    # Rolled back: what the old release knows goes on.
    await log.append("acme", [a_write("other", 1, "old still")])
    await log.wait_for(5, 5.0)
    rolled_back = Runner(pool, ReleaseReading(OLD), LogSource(log), pauses_s=(0.0,))
    await rolled_back.open()
    await rolled_back.catch_up()
    assert "old still" in await notes_seen(pool)
