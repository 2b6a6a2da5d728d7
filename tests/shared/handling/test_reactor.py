"""From published events to events of one's own: one effect each, together with the checkpoint, races decided anew."""

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime

import asyncpg
import pytest
from msgspec import Raw
from support.counters import COUNTER, CounterRaised, ask, counter, counting
from support.databases import Database, MakeDatabase
from support.event_log import install_event_log
from support.notes import worker_pool

from redress.contracts.envelope import PublishedEvent
from redress.decider import load
from redress.eventlog import log as log_module
from redress.eventlog.events import decode_meta
from redress.eventlog.postgres import PostgresEventLog
from redress.handling import reactor as reactor_module
from redress.handling.command_runner import CommandRunner
from redress.handling.reactor import Reactor
from redress.handling.unit_of_work import UnitOfWork

RECORDED = datetime(2026, 11, 30, 9, 0, tzinfo=UTC)
COUNTS_AT = datetime(2026, 11, 27, 9, 0, tzinfo=UTC)


@pytest.fixture
async def database(make_database: MakeDatabase) -> Database:
    return await make_database("dispute", prepare=install_event_log)


@pytest.fixture
async def log(database: Database) -> AsyncIterator[PostgresEventLog]:
    async with PostgresEventLog.open(database.worker) as opened:
        yield opened


@pytest.fixture
async def pool(database: Database) -> AsyncIterator[asyncpg.Pool]:
    async with worker_pool(database) as opened:
        yield opened


def event(number: int, subject: str = "a", *, tenant: str = "acme") -> PublishedEvent:
    return PublishedEvent(
        id=f"evt_{number}",
        source="/redress/elsewhere",
        type="happened",
        subject=counter(subject),
        tenant=tenant,
        time=RECORDED,
        effective_at=COUNTS_AT,
        seq=number,
        epoch="e",
        version=number,
        dataschema="urn:redress:happened:v1",
        correlation_id="r-7",
        data=Raw(b"{}"),
    )


async def count_one(uow: UnitOfWork, event: PublishedEvent) -> None:
    await uow.state(COUNTER, event.subject)
    uow.record(COUNTER, event.subject, [CounterRaised(1)])


async def apply(pool: asyncpg.Pool, reactor: Reactor, events: Sequence[PublishedEvent]) -> None:
    async with pool.acquire() as connection, connection.transaction():
        await reactor.apply(connection, events)


async def total(log: PostgresEventLog, name: str = "a", tenant: str = "acme") -> int:
    return (await load(log, COUNTER, tenant, counter(name))).state


async def test_a_batch_is_written_together_and_says_why(log: PostgresEventLog, pool: asyncpg.Pool) -> None:
    reactor = Reactor("counting", "counter-service", log, count_one)
    await apply(pool, reactor, [event(1), event(2), event(3, "b")])
    assert (await total(log, "a"), await total(log, "b")) == (2, 1)
    first, second = await log.read_stream("acme", counter("a"))
    meta = decode_meta(first.meta)
    assert (meta.actor.kind, meta.actor.id) == ("system", "counter-service/counting")
    assert (meta.causation_id, meta.correlation_id) == ("evt_1", "r-7")
    assert first.effective_at == COUNTS_AT
    assert decode_meta(second.meta).causation_id == "evt_2"


async def test_each_tenants_events_go_to_its_own_streams(log: PostgresEventLog, pool: asyncpg.Pool) -> None:
    reactor = Reactor("counting", "counter-service", log, count_one)
    await apply(pool, reactor, [event(1), event(2, "g", tenant="globex"), event(3)])
    assert (await total(log), await total(log, "g", "globex")) == (2, 1)


async def test_a_command_that_was_quicker_makes_the_batch_decide_anew(
    log: PostgresEventLog, pool: asyncpg.Pool
) -> None:
    runner = CommandRunner(log)
    await runner.run(ask("k-1"), counting(("a", 1)))
    tries: list[int] = []

    async def double_once_raced(uow: UnitOfWork, event: PublishedEvent) -> None:
        before = await uow.state(COUNTER, event.subject)
        tries.append(before)
        if len(tries) == 1:
            await runner.run(ask("quicker"), counting(("a", 9)))
        uow.record(COUNTER, event.subject, [CounterRaised(before)])

    await apply(pool, Reactor("doubling", "counter-service", log, double_once_raced), [event(1)])
    assert tries == [1, 10]
    assert await total(log) == 20


async def test_nothing_is_left_of_a_batch_whose_checkpoint_was_not_moved(
    log: PostgresEventLog, pool: asyncpg.Pool
) -> None:
    reactor = Reactor("counting", "counter-service", log, count_one)

    async def dies() -> None:
        async with pool.acquire() as connection, connection.transaction():
            await reactor.apply(connection, [event(1)])
            raise RuntimeError("before the commit")

    with pytest.raises(RuntimeError):
        await dies()
    assert await total(log) == 0


async def test_a_race_that_is_lost_every_time_is_told_to_the_runner(log: PostgresEventLog, pool: asyncpg.Pool) -> None:
    runner = CommandRunner(log)
    await runner.run(ask("k-1"), counting(("a", 1)))
    tries: list[int] = []

    async def always_raced(uow: UnitOfWork, event: PublishedEvent) -> None:
        await uow.state(COUNTER, event.subject)
        tries.append(1)
        await runner.run(ask(f"quicker {len(tries)}"), counting(("a", 1)))
        uow.record(COUNTER, event.subject, [CounterRaised(1)])

    with pytest.raises(log_module.VersionConflict):
        await apply(pool, Reactor("counting", "counter-service", log, always_raced), [event(1)])
    assert len(tries) == reactor_module.ATTEMPTS
