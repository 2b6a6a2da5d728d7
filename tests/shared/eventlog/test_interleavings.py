"""Races written down: two open transactions and one assertion, instead of threads and luck."""

import asyncio
from collections.abc import AsyncIterator
from uuid import UUID

import asyncpg
import pytest
from support.databases import Cluster, Database, MakeDatabase
from support.event_log import a_command, a_write, install_event_log, stream_id
from support.eventually import eventually

from redress.eventlog.log import CommandInFlight, Conflict, LogUnavailable, VersionConflict
from redress.eventlog.portions import portions
from redress.eventlog.postgres import PostgresEventLog


@pytest.fixture
async def database(make_database: MakeDatabase) -> Database:
    return await make_database("dispute", prepare=install_event_log)


@pytest.fixture
async def log(database: Database) -> AsyncIterator[PostgresEventLog]:
    async with PostgresEventLog.open(database.worker, sequencer=False) as log:
        yield log


@pytest.fixture
async def two(database: Database) -> AsyncIterator[tuple[asyncpg.Connection, asyncpg.Connection]]:
    one, other = await asyncpg.connect(database.worker), await asyncpg.connect(database.worker)
    yield one, other
    await one.close()
    await other.close()


async def order(log: PostgresEventLog) -> list[tuple[int | None, bytes]]:
    return [(event.seq, event.payload) for event in await log.read_log(0, 100)]


async def test_an_event_that_commits_late_is_not_skipped(
    log: PostgresEventLog, two: tuple[asyncpg.Connection, asyncpg.Connection]
) -> None:
    slow, fast = two
    slow_transaction = slow.transaction()
    await slow_transaction.start()
    await log.append_on(slow, "acme", [a_write("slow", 0, "inserted first")])
    async with fast.transaction():
        await log.append_on(fast, "acme", [a_write("fast", 0, "committed first")])
    assert await log.sequence() == 1
    assert await order(log) == [(1, b'{"note":"committed first"}')]
    await slow_transaction.commit()
    assert await log.sequence() == 1
    assert await order(log) == [(1, b'{"note":"committed first"}'), (2, b'{"note":"inserted first"}')]


async def test_versions_never_invert_in_the_log(
    log: PostgresEventLog, two: tuple[asyncpg.Connection, asyncpg.Connection]
) -> None:
    early, late = two
    early_transaction = early.transaction()
    await early_transaction.start()
    await log.append_on(early, "acme", [a_write("other", 0, "has its transaction id first")])
    async with late.transaction():
        await log.append_on(late, "acme", [a_write("s", 0, "version 1")])
    await log.append_on(early, "acme", [a_write("s", 1, "version 2")])
    await early_transaction.commit()
    await log.sequence()
    events = await log.read_log(0, 100)
    assert [event.version for event in events if event.stream_id == stream_id("s")] == [1, 2]


async def test_a_rolled_back_append_leaves_no_hole(
    log: PostgresEventLog, two: tuple[asyncpg.Connection, asyncpg.Connection]
) -> None:
    one, other = two
    doomed = one.transaction()
    await doomed.start()
    await log.append_on(one, "acme", [a_write("doomed", 0, "never was")])
    async with other.transaction():
        await log.append_on(other, "acme", [a_write("s", 0, "is")])
    await doomed.rollback()
    await log.append("acme", [a_write("s", 1, "is too")])
    await log.sequence()
    assert await order(log) == [(1, b'{"note":"is"}'), (2, b'{"note":"is too"}')]


async def test_two_sequencers_at_once_one_works_and_the_other_stands_back(
    log: PostgresEventLog, two: tuple[asyncpg.Connection, asyncpg.Connection]
) -> None:
    one, other = two
    await log.append("acme", [a_write("s", 0, "first")])
    at_it = one.transaction()
    await at_it.start()
    assert await one.fetchval("SELECT es.sequence(100)") == 1
    assert await other.fetchval("SELECT es.sequence(100)") == -1
    await at_it.rollback()
    assert await other.fetchval("SELECT es.sequence(100)") == 1
    assert await order(log) == [(1, b'{"note":"first"}')]


async def test_a_lost_reply_is_answered_from_the_store(
    log: PostgresEventLog, two: tuple[asyncpg.Connection, asyncpg.Connection]
) -> None:
    """The first attempt committed, its connection died before the reply: the client knows nothing and sends again."""
    one, _ = two
    await log.append_on(one, "acme", [a_write("s", 0, "once")], a_command("k", response=b'{"first":true}'))
    one.terminate()
    again = await log.append("acme", [a_write("s", 0, "once")], a_command("k", response=b'{"first":false}'))
    assert again.replayed is not None
    assert again.replayed.response == b'{"first":true}'
    assert len(await log.read_stream("acme", stream_id("s"))) == 1


async def test_a_key_in_flight_is_answered_at_once_not_waited_for(
    log: PostgresEventLog, two: tuple[asyncpg.Connection, asyncpg.Connection]
) -> None:
    one, _ = two
    executing = one.transaction()
    await executing.start()
    await log.append_on(one, "acme", [a_write("s", 0, "first")], a_command("k"))
    with pytest.raises(CommandInFlight):
        await log.append("acme", [a_write("t", 0, "second")], a_command("k"))
    await executing.rollback()
    assert (await log.append("acme", [a_write("t", 0, "second")], a_command("k"))).replayed is None


async def test_an_append_that_waits_for_a_stream_holds_no_new_one_meanwhile(
    log: PostgresEventLog, two: tuple[asyncpg.Connection, asyncpg.Connection]
) -> None:
    """Else two transactions that touch the same two streams, one of them new, could wait for each other for ever."""
    first, second = two
    await log.append("acme", [a_write("old", 0, "one")])
    first_transaction = first.transaction()
    await first_transaction.start()
    await log.append_on(first, "acme", [a_write("old", 1, "two")])
    waits = asyncio.create_task(log.append_on(second, "acme", [a_write("new", 0, "mine"), a_write("old", 2, "three")]))
    await eventually(lambda: first.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted"))
    await log.append_on(first, "acme", [a_write("new", 0, "first")])
    await first_transaction.commit()
    with pytest.raises(VersionConflict) as refused:
        await waits
    assert (refused.value.stream_id, refused.value.actual) == (stream_id("new"), 1)


async def test_a_reactor_in_portions_and_a_command_on_two_of_its_streams_never_wait_for_each_other(
    log: PostgresEventLog, two: tuple[asyncpg.Connection, asyncpg.Connection]
) -> None:
    """27 writes, the new stream with the lowest id and the existing one with the highest: the command locks the
    existing one first, and so must the reactor, over all its appends."""
    reactor, command = two
    new, old = UUID(int=1), UUID(int=2**128 - 1)
    await log.append("acme", [a_write(old, 0, "registered")])
    others = [a_write(stream_id(f"s{number}"), 0, "registered") for number in range(25)]
    first, second = portions([a_write(new, 0, "registered"), *others, a_write(old, 1, "paid")], streams=20)
    reacting = reactor.transaction()
    await reacting.start()
    await log.append_on(reactor, "acme", first)
    waits = asyncio.create_task(log.append_on(command, "acme", [a_write(new, 0, "held"), a_write(old, 1, "held")]))
    await eventually(lambda: reactor.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted"))
    await log.append_on(reactor, "acme", second)
    await reacting.commit()
    with pytest.raises(VersionConflict):
        await waits


async def test_of_two_transactions_that_wait_for_each_other_one_is_told_a_conflict_and_begins_again(
    log: PostgresEventLog, two: tuple[asyncpg.Connection, asyncpg.Connection]
) -> None:
    await log.append("acme", [a_write("a", 0, "first"), a_write("b", 0, "first")])

    async def appends(connection: asyncpg.Connection, *streams: str) -> list[str]:
        told: list[str] = []
        while True:
            try:
                async with connection.transaction():
                    for stream in streams:
                        version = len(await log.read_stream("acme", stream_id(stream)))
                        await log.append_on(connection, "acme", [a_write(stream, version, "mine")])
                        await asyncio.sleep(0.1)
            except Conflict as conflict:
                told.append(type(conflict).__name__)
            else:
                return told

    told = await asyncio.gather(appends(two[0], "a", "b"), appends(two[1], "b", "a"))
    assert sum(each.count("LockConflict") for each in told) == 1
    assert [len(await log.read_stream("acme", stream_id(stream))) for stream in ("a", "b")] == [3, 3]


async def test_two_appends_that_start_the_same_streams_in_another_order_never_wait_for_each_other(
    database: Database, log: PostgresEventLog, two: tuple[asyncpg.Connection, asyncpg.Connection]
) -> None:
    one, other = two
    held = await asyncpg.connect(database.worker)
    holding = held.transaction()
    await holding.start()
    await log.append_on(held, "acme", [a_write("between", 0, "comes to nothing")])
    orders = ["x", "between", "y"], ["y", "between", "x"]
    waiting = [
        asyncio.create_task(log.append_on(connection, "acme", [a_write(stream, 0, "mine") for stream in order]))
        for connection, order in zip((one, other), orders, strict=True)
    ]

    async def both_wait() -> bool:
        return bool(await held.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted") == 2)

    await eventually(both_wait)
    await holding.rollback()
    outcomes = await asyncio.gather(*waiting, return_exceptions=True)
    await held.close()
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["AppendResult", "VersionConflict"]


async def test_a_killed_backend_does_not_fail_the_command(database: Database, log: PostgresEventLog) -> None:
    await log.append("acme", [a_write("s", 0, "before")])
    superuser = await asyncpg.connect(database.superuser)
    try:
        await superuser.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    finally:
        await superuser.close()
    appended = await log.append("acme", [a_write("s", 1, "after")])
    assert appended.versions == {stream_id("s"): 2}


async def test_a_backend_killed_in_the_middle_of_a_look_fails_none_of_the_commands_that_share_it(
    database: Database, log: PostgresEventLog
) -> None:
    await log.append("acme", [a_write("s", 0, "first")], a_command("k"))
    superuser = await asyncpg.connect(database.superuser)
    try:
        async with superuser.transaction():
            await superuser.execute("LOCK TABLE es.command")
            reads = [asyncio.create_task(log.read_for_command("acme", "k", {stream_id("s"): 0})) for _ in range(20)]
            waits = "SELECT count(*) FROM pg_locks WHERE NOT granted"
            await eventually(lambda: superuser.fetchval(waits))
            await superuser.execute("SELECT pg_terminate_backend(pid) FROM pg_locks WHERE NOT granted")
    finally:
        await superuser.close()
    found = await asyncio.gather(*reads)
    assert [inputs.answer is not None and len(inputs.streams[stream_id("s")]) == 1 for inputs in found] == [True] * 20


async def test_without_a_database_the_outcome_is_said_to_be_unknown(postgres: Cluster, database: Database) -> None:
    async with PostgresEventLog.open(database.api, sequencer=False) as log:
        elsewhere = await asyncpg.connect(postgres.superuser_dsn)
        try:
            await elsewhere.execute(f"ALTER DATABASE {database.name} ALLOW_CONNECTIONS false")
            await elsewhere.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", database.name
            )
            with pytest.raises(LogUnavailable):
                await log.append("acme", [a_write("s", 0, "nowhere")])
            # More than one round trip takes.
            reads = [log.read_for_command("acme", "k", {stream_id("s"): 0}) for _ in range(300)]
            told = await asyncio.gather(*reads, return_exceptions=True)
            assert [type(each) for each in told] == [LogUnavailable] * 300
        finally:
            await elsewhere.execute(f"ALTER DATABASE {database.name} ALLOW_CONNECTIONS true")
            await elsewhere.close()


async def test_a_closed_log_leaves_no_connection_behind(database: Database) -> None:
    watcher = await asyncpg.connect(database.superuser)
    sessions = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND usename = 'dispute_worker'"

    async def none_left() -> bool:
        return bool(await watcher.fetchval(sessions) == 0)

    try:
        async with PostgresEventLog.open(database.worker) as log:
            await log.append("demo", [a_write("a", 0, "first")], a_command("key"))
            await log.wait_for(1, 5)
            assert await watcher.fetchval(sessions) >= 3
        await eventually(none_left)
    finally:
        await watcher.close()
