"""Durable timers: each fires once, never early, and a sick one holds nobody up."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Never
from uuid import UUID

import asyncpg
import pytest
from support.databases import MakeDatabase
from support.event_log import a_write, install_event_log, stream_id
from support.eventually import eventually
from support.notes import worker_pool
from support.running import running

from redress.eventlog.connections import Connection
from redress.eventlog.postgres import PostgresEventLog
from redress.ids import derived_uuid
from redress.timers import poller
from redress.timers.poller import FireTimer, TimerPoller
from redress.timers.timers import Timer, cancel, cancel_all, schedule

ALREADY = timedelta(seconds=-1)


class SickError(Exception):
    pass


@dataclass
class Bell:
    """Remembers what rang, and when by the database's clock. Kinds in `sick` cannot be fired."""

    rang: list[tuple[str, datetime]] = field(default_factory=list)
    sick: set[str] = field(default_factory=set)
    tried: list[int] = field(default_factory=list)

    async def fire(self, _: Connection, timer: Timer, now: datetime) -> None:
        if timer.kind in self.sick:
            self.tried.append(timer.attempts)
            raise SickError(timer.kind)
        self.rang.append((timer.kind, now))

    @property
    def kinds(self) -> list[str]:
        return [kind for kind, _ in self.rang]


@pytest.fixture
async def pool(make_database: MakeDatabase) -> AsyncIterator[asyncpg.Pool]:
    database = await make_database("dispute", prepare=install_event_log)
    async with worker_pool(database) as opened:
        yield opened


def every_kind(fire: FireTimer) -> Mapping[str, FireTimer]:
    """The same for whatever kind."""
    return defaultdict(lambda: fire)


def timer_id(kind: str) -> UUID:
    return derived_uuid("timer", kind)


async def due_in(pool: asyncpg.Pool, kind: str, wait: timedelta, stream: str = "a") -> datetime:
    due_at: datetime = await pool.fetchval("SELECT es.now()") + wait
    async with pool.acquire() as connection:
        await schedule(connection, timer_id(kind), "acme", stream_id(stream), kind, due_at)
    return due_at


async def state(pool: asyncpg.Pool, kind: str) -> tuple[str, int]:
    row = await pool.fetchrow("SELECT state, attempts FROM es.timer WHERE timer_id = $1", timer_id(kind))
    assert row is not None
    return row["state"], row["attempts"]


async def test_due_timers_fire_once_the_oldest_first(pool: asyncpg.Pool) -> None:
    await due_in(pool, "second", timedelta(seconds=-1))
    await due_in(pool, "first", timedelta(seconds=-5))
    bell = Bell()
    assert await TimerPoller(pool, every_kind(bell.fire)).fire_due() == 2
    assert await TimerPoller(pool, every_kind(bell.fire)).fire_due() == 0
    assert bell.kinds == ["first", "second"]
    assert await state(pool, "first") == ("fired", 1)


async def test_a_timer_never_fires_early_and_hardly_late(pool: asyncpg.Pool) -> None:
    bell = Bell()
    due_at = await due_in(pool, "soon", timedelta(milliseconds=300))

    async def rang() -> bool:
        return bool(bell.rang)

    async with running(TimerPoller(pool, every_kind(bell.fire), every_s=0.02).run):
        await eventually(rang)
    assert timedelta(0) <= bell.rang[0][1] - due_at < timedelta(seconds=5)


async def test_two_pollers_fire_each_timer_once(pool: asyncpg.Pool) -> None:
    for number in range(60):
        await due_in(pool, f"t{number}", ALREADY)
    bell = Bell()
    fired = await asyncio.gather(*(TimerPoller(pool, every_kind(bell.fire)).fire_due() for _ in range(3)))
    assert sum(fired) == 60
    assert sorted(bell.kinds) == sorted(f"t{number}" for number in range(60))


async def test_a_cancelled_timer_does_not_fire(pool: asyncpg.Pool) -> None:
    for kind in ("one", "two", "three"):
        await due_in(pool, kind, ALREADY)
    await due_in(pool, "of another stream", ALREADY, stream="b")
    async with pool.acquire() as connection:
        assert await cancel(connection, timer_id("one"))
        assert not await cancel(connection, timer_id("one"))
        assert await cancel_all(connection, "acme", stream_id("a"), "two") == 1
    bell = Bell()
    await TimerPoller(pool, every_kind(bell.fire)).fire_due()
    assert bell.kinds == ["three", "of another stream"]


async def test_setting_a_timer_again_moves_it_until_it_has_fired(pool: asyncpg.Pool) -> None:
    await due_in(pool, "sla", timedelta(days=1))
    await due_in(pool, "sla", ALREADY)
    bell = Bell()
    poll = TimerPoller(pool, every_kind(bell.fire))
    await poll.fire_due()
    await due_in(pool, "sla", ALREADY)
    await poll.fire_due()
    assert bell.kinds == ["sla"]


async def test_a_timer_that_is_moved_while_it_is_being_taken_is_not_fired_early(pool: asyncpg.Pool) -> None:
    await due_in(pool, "sla", ALREADY)
    bell = Bell()
    poll = TimerPoller(pool, every_kind(bell.fire))
    (due,) = await poll._due()
    await due_in(pool, "sla", timedelta(days=1))
    assert not await poll._fire(due)
    assert bell.kinds == []
    assert (await state(pool, "sla"))[0] == "pending"


async def test_a_failing_timer_is_tried_again_later_and_holds_nobody_up(
    pool: asyncpg.Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(poller, "FIRST_PAUSE_S", 0.0)
    await due_in(pool, "sick", timedelta(seconds=-9))
    await due_in(pool, "well", ALREADY)
    bell = Bell(sick={"sick"})
    poll = TimerPoller(pool, every_kind(bell.fire))
    for timer in await poll._due():
        await poll._fire(timer)
    assert bell.kinds == ["well"]
    assert await state(pool, "sick") == ("pending", 1)
    bell.sick.clear()
    await poll.fire_due()
    assert bell.kinds == ["well", "sick"]
    assert await state(pool, "sick") == ("fired", 2)


async def test_a_failing_timer_waits_longer_each_time(pool: asyncpg.Pool) -> None:
    assert [poller._pause_s(attempt) for attempt in (1, 2, 3, 8, 9, 50)] == [2.0, 4.0, 8.0, 256.0, 300.0, 300.0]
    await due_in(pool, "sick", ALREADY)
    bell = Bell(sick={"sick"})
    poll = TimerPoller(pool, every_kind(bell.fire))
    await poll.fire_due()
    await poll.fire_due()
    assert bell.tried == [1]


async def test_a_timer_that_ended_the_process_waits_after_the_start(pool: asyncpg.Pool) -> None:
    class Killer(Bell):
        async def fire(self, *_: object) -> Never:
            raise KeyboardInterrupt

    await due_in(pool, "killer", ALREADY)
    with pytest.raises(KeyboardInterrupt):
        await TimerPoller(pool, every_kind(Killer().fire)).fire_due()
    await due_in(pool, "well", ALREADY)
    bell = Bell()
    restarted = TimerPoller(pool, every_kind(bell.fire))
    await restarted._spare_the_failing()
    await restarted.fire_due()
    assert bell.kinds == ["well"]
    assert await state(pool, "killer") == ("pending", 1)


async def test_what_a_timer_appends_and_that_it_fired_are_one(make_database: MakeDatabase) -> None:
    class Breach:
        expected = 7

        async def fire(self, connection: Connection, timer: Timer, _: datetime) -> None:
            await log.append_on(connection, timer.tenant_id, [a_write(timer.stream_id, self.expected, "sla breached")])

    database = await make_database("dispute", prepare=install_event_log)
    async with PostgresEventLog.open(database.worker) as log, worker_pool(database) as pool:
        await due_in(pool, "sla", ALREADY)
        breach = Breach()
        await TimerPoller(pool, every_kind(breach.fire), committed=log.poke).fire_due()
        assert await state(pool, "sla") == ("pending", 1)  # a VersionConflict: neither happened
        breach.expected = 0
        await TimerPoller(pool, every_kind(breach.fire), committed=log.poke).fire_due()
        assert await state(pool, "sla") == ("fired", 2)
        assert await log.wait_for(1, 2.0) == 1
        assert len(await log.read_stream("acme", stream_id("a"))) == 1


async def test_each_kind_of_timer_has_its_own_handler(pool: asyncpg.Pool) -> None:
    await due_in(pool, "sla", ALREADY, stream="a")
    await due_in(pool, "approval", ALREADY, stream="b")
    sla, approval = Bell(), Bell()
    assert await TimerPoller(pool, {"sla": sla.fire, "approval": approval.fire}).fire_due() == 2
    assert (sla.kinds, approval.kinds) == (["sla"], ["approval"])


async def test_a_timer_of_a_kind_that_nobody_handles_stays_pending_and_holds_no_other_up(pool: asyncpg.Pool) -> None:
    await due_in(pool, "of a newer release", ALREADY, stream="a")
    await due_in(pool, "sla", ALREADY, stream="b")
    bell = Bell()
    assert await TimerPoller(pool, {"sla": bell.fire}).fire_due() == 1
    assert bell.kinds == ["sla"]
    assert await pool.fetchval("SELECT state FROM es.timer WHERE kind = 'of a newer release'") == "pending"
