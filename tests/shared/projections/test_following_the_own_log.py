"""One handler following the log of its own service, on PostgreSQL."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import asyncpg
import pytest
from prometheus_client import CollectorRegistry
from support.databases import Database, MakeDatabase
from support.event_log import a_write, stream_id
from support.eventually import eventually
from support.notes import PoisonedError, SeenNotes, install_notes, notes_seen, worker_pool
from support.running import running

from redress.contracts.envelope import PublishedEvent
from redress.eventlog.connections import Connection
from redress.eventlog.events import RecordedEvent
from redress.eventlog.postgres import PostgresEventLog
from redress.messaging.log_source import LogSource
from redress.messaging.source import EpochChanged, Mark, PositionBeyondHead
from redress.projections import checkpoints
from redress.projections.applying import HandlerBroken
from redress.projections.database import DatabaseGone
from redress.projections.metrics import ConsumerMetrics
from redress.projections.runner import Runner


@dataclass
class Service:
    database: Database
    log: PostgresEventLog
    pool: asyncpg.Pool

    def runner(self, seen: SeenNotes, **options: Any) -> Runner[RecordedEvent]:
        return Runner(self.pool, seen, LogSource(self.log), pauses_s=(0.0,), **options)

    async def notes(self, stream: str, *notes: str, after: int = 0) -> None:
        await self.log.append("acme", [a_write(stream, after, *notes)])
        await self.all_in_the_log()

    async def all_in_the_log(self) -> None:
        async def nothing_pending() -> bool:
            return not await self.pool.fetchval("SELECT count(*) FROM es.pending")

        await eventually(nothing_pending)

    async def checkpoint(self, name: str = "seen") -> int:
        return int(await self.pool.fetchval("SELECT seq FROM es.consumer WHERE name = $1", name))

    async def parked(self) -> list[tuple[int, int, str]]:
        rows = await self.pool.fetch(
            "SELECT seq, attempts, error FROM es.parked WHERE parked_at IS NOT NULL ORDER BY seq"
        )
        return [tuple(row) for row in rows]


@asynccontextmanager
async def _service(make_database: MakeDatabase) -> AsyncIterator[Service]:
    database = await make_database("dispute", prepare=install_notes)
    async with PostgresEventLog.open(database.worker) as log, worker_pool(database) as pool:
        yield Service(database, log, pool)


@pytest.fixture
async def service(make_database: MakeDatabase) -> AsyncIterator[Service]:
    async with _service(make_database) as made:
        yield made


async def caught_up(runner: Runner[RecordedEvent]) -> None:
    await runner.open()
    await runner.catch_up()


async def test_every_event_is_applied_once_in_order(service: Service) -> None:
    await service.notes("a", "one", "two")
    await service.notes("b", "three")
    runner = service.runner(SeenNotes())
    await caught_up(runner)
    await service.notes("a", "four", after=2)
    await runner.catch_up()
    assert await notes_seen(service.pool) == ["one", "two", "three", "four"]
    assert await service.checkpoint() == 4


async def test_after_a_restart_nothing_is_applied_again(service: Service) -> None:
    await service.notes("a", "one", "two")
    await caught_up(service.runner(SeenNotes()))
    await caught_up(service.runner(SeenNotes()))
    assert await notes_seen(service.pool) == ["one", "two"]


async def test_two_processes_that_believe_to_be_the_same_consumer_double_nothing(service: Service) -> None:
    first, second = service.runner(SeenNotes()), service.runner(SeenNotes())
    await first.open()
    await second.open()
    for number in range(0, 40, 2):
        await service.notes("a", f"{number}", f"{number + 1}", after=number)
        await asyncio.gather(first.catch_up(), second.catch_up())
    assert await notes_seen(service.pool) == [str(number) for number in range(40)]


async def test_a_zombie_that_wakes_up_with_an_old_batch_changes_nothing(service: Service) -> None:
    zombie = service.runner(SeenNotes())
    await zombie.open()
    await service.notes("a", "one", "two")
    await caught_up(service.runner(SeenNotes()))
    await zombie.catch_up()  # it still believes to stand at the beginning
    assert await notes_seen(service.pool) == ["one", "two"]
    assert await service.checkpoint() == 2


async def test_a_consumer_waits_for_the_checkpoint_and_then_finds_its_events_applied(service: Service) -> None:
    await service.notes("a", "one", "two")
    late = service.runner(SeenNotes())
    await late.open()
    async with service.pool.acquire() as quicker, quicker.transaction():
        await checkpoints.lock(quicker, checkpoints.ConsumerKey("seen"), [0])
        catching_up = asyncio.create_task(late.catch_up())

        async def somebody_waits() -> bool:
            return bool(await service.pool.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted") > 0)

        await eventually(somebody_waits)
        await SeenNotes().apply(quicker, await service.log.read_log(0, 10))
        await checkpoints.move(quicker, checkpoints.ConsumerKey("seen"), {0: Mark(2, await service.log.epoch())})
    await catching_up
    assert await notes_seen(service.pool) == ["one", "two"]


async def test_a_failing_event_and_the_rest_of_its_stream_are_parked_and_others_go_on(service: Service) -> None:
    await service.notes("sick", "before", "poison", "behind it")
    await service.notes("well", "fine")
    seen = SeenNotes(poison=["poison"])
    await caught_up(service.runner(seen))
    await service.notes("sick", "even later", after=3)
    await service.notes("well", "still fine", after=1)
    await caught_up(service.runner(seen))
    assert await notes_seen(service.pool) == ["before", "fine", "still fine"]
    assert await service.parked() == [
        (2, 5, "PoisonedError: poison"),
        (3, 0, "waits behind an earlier event of its stream"),
        (5, 0, "waits behind an earlier event of its stream"),
    ]
    assert await service.checkpoint() == 6


async def test_a_failure_in_the_middle_of_a_large_batch_parks_only_its_own_stream(service: Service) -> None:
    seen = SeenNotes(poison=["poison"])
    runner = service.runner(seen)
    await runner.open()
    runner._careful = False  # the process has been running for a while
    for number in range(30):
        await service.notes(f"s{number}", f"a{number}", "poison" if number == 17 else f"b{number}")
    await runner.catch_up()
    expected = [f"{letter}{number}" for number in range(30) for letter in "ab" if (number, letter) != (17, "b")]
    assert await notes_seen(service.pool) == expected
    assert [seq for seq, _, _ in await service.parked()] == [36]


async def test_a_passing_failure_is_tried_again_and_leaves_no_trace(service: Service) -> None:
    class FailsTwice(SeenNotes):
        failures = 2

        async def apply(self, connection: Connection, events: Sequence[RecordedEvent | PublishedEvent]) -> None:
            if self.failures:
                self.failures -= 1
                raise PoisonedError("not now")
            await super().apply(connection, events)

    await service.notes("a", "one")
    await caught_up(service.runner(FailsTwice()))
    assert await notes_seen(service.pool) == ["one"]
    assert await service.pool.fetchval("SELECT count(*) FROM es.parked") == 0


async def test_an_event_that_kills_the_process_is_counted_and_parked_after_five_tries(service: Service) -> None:
    class Killer(SeenNotes):
        """Ends the process at the poisoned event: nothing after it in the runner gets to run."""

        async def apply(self, connection: Connection, events: Sequence[RecordedEvent | PublishedEvent]) -> None:
            try:
                await super().apply(connection, events)
            except PoisonedError:
                raise KeyboardInterrupt from None

    await service.notes("sick", "before", "poison", "behind it")
    await service.notes("well", "fine")
    seen = Killer(poison=["poison"])
    for _ in range(5):
        with pytest.raises(KeyboardInterrupt):
            await caught_up(service.runner(seen))
    await caught_up(service.runner(seen))
    assert await notes_seen(service.pool) == ["before", "fine"]
    assert await service.parked() == [
        (2, 6, "the process ended during every try"),
        (3, 0, "waits behind an earlier event of its stream"),
    ]


async def test_parked_events_are_applied_in_order_once_the_handler_can(service: Service) -> None:
    await service.notes("sick", "poison", "second", "third")
    await service.notes("well", "fine")
    seen = SeenNotes(poison=["poison"])
    runner = service.runner(seen)
    await caught_up(runner)
    still = await runner.unpark()
    assert (still.applied, still.remaining) == (0, 3)
    assert (await service.parked())[0] == (1, 6, "PoisonedError: poison")
    seen.poison.clear()
    released = await service.runner(seen).unpark(stream_id("sick"))
    assert (released.applied, released.remaining) == (3, 0)
    rows = await service.pool.fetch("SELECT note FROM read.seen WHERE stream_id = $1", stream_id("sick"))
    assert [row["note"] for row in rows] == ["poison", "second", "third"]
    await service.notes("sick", "fourth", after=3)
    await runner.catch_up()
    assert await notes_seen(service.pool) == ["poison", "second", "third", "fine", "fourth"]


async def test_the_gauge_follows_when_another_process_releases_what_was_parked(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("redress.projections.applying.RECOUNT_S", 0.0)
    monkeypatch.setattr("redress.projections.runner.POLL_S", 0.05)
    registry = CollectorRegistry()

    async def shown(events: int) -> bool:
        return registry.get_sample_value("redress_consumer_parked_events", {"consumer": "seen"}) == events

    await service.notes("sick", "poison", "second")
    seen = SeenNotes(poison=["poison"])
    async with running(service.runner(seen, metrics=ConsumerMetrics(registry)).run):
        await eventually(lambda: shown(2))
        await service.runner(SeenNotes()).unpark()
        await eventually(lambda: shown(0))


async def test_a_handler_that_fails_on_everything_stops_instead_of_parking_the_whole_log(service: Service) -> None:
    for number in range(30):
        await service.notes(f"s{number}", f"poison {number}", "behind it")
    with pytest.raises(HandlerBroken):
        await caught_up(service.runner(SeenNotes(poison=[f"poison {number}" for number in range(30)])))
    assert await service.checkpoint() == 39  # twenty poisoned ones, and nineteen behind them


async def test_a_restored_log_stops_the_consumer(service: Service) -> None:
    await service.notes("a", "one")
    await caught_up(service.runner(SeenNotes()))
    await service.notes("a", "two", after=1)
    superuser = await asyncpg.connect(service.database.superuser)
    await superuser.execute("UPDATE es.log_head SET epoch = 'restored'")
    await superuser.close()
    with pytest.raises(EpochChanged):
        await caught_up(service.runner(SeenNotes()))
    assert await notes_seen(service.pool) == ["one"]


async def test_an_event_of_another_epoch_is_not_parked_however_often_the_consumer_is_started(service: Service) -> None:
    await service.notes("a", "one")
    await caught_up(service.runner(SeenNotes()))
    await service.notes("a", "two", after=1)
    epoch = await service.log.epoch()
    await service.pool.execute("UPDATE es.consumer SET epoch = 'before'")
    for _ in range(6):
        with pytest.raises(EpochChanged):
            await caught_up(service.runner(SeenNotes()))
    await service.pool.execute("UPDATE es.consumer SET epoch = $1", epoch)
    await caught_up(service.runner(SeenNotes()))
    assert await notes_seen(service.pool) == ["one", "two"]
    assert await service.pool.fetchval("SELECT count(*) FROM es.parked") == 0


async def test_a_checkpoint_ahead_of_the_log_stops_the_consumer(service: Service) -> None:
    await service.notes("a", "one")
    await caught_up(service.runner(SeenNotes()))
    await service.pool.execute("UPDATE es.consumer SET seq = 7")
    with pytest.raises(PositionBeyondHead):
        await service.runner(SeenNotes()).open()


async def test_a_consumer_that_lost_its_database_connection_goes_on_where_it_was(service: Service) -> None:
    class LosesConnectionOnce(SeenNotes):
        lost = False

        async def apply(self, connection: Connection, events: Sequence[RecordedEvent | PublishedEvent]) -> None:
            if not self.lost:
                self.lost = True
                await connection.execute("SELECT pg_terminate_backend(pg_backend_pid())")
            await super().apply(connection, events)

    await service.notes("a", "one", "two")
    seen = LosesConnectionOnce()
    with pytest.raises(DatabaseGone):
        await caught_up(service.runner(seen))
    await caught_up(service.runner(seen))
    assert await notes_seen(service.pool) == ["one", "two"]
    assert await service.parked() == []


async def test_what_is_committed_is_visible_within_moments(service: Service) -> None:
    seen = SeenNotes()
    runner = service.runner(seen)

    async def visible() -> bool:
        return await notes_seen(service.pool) == ["one"]

    async with running(runner.run):
        await service.notes("a", "one")
        await eventually(visible, within_s=5.0)
