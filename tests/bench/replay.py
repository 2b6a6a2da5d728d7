"""Replay: one aggregate of 10 to 10,000 events, the whole log folded, its verification, and what it takes on disk."""

import asyncio
import multiprocessing
import statistics
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from functools import partial
from uuid import UUID

import asyncpg
import uvloop

from bench.append import EVENTSOURCING, OURS
from bench.databases import Stand, settle
from bench.filling import HOW, TENANT, fill_log, fill_peer
from bench.measure import Comparison, Figure, Rounds, Run, compare
from bench.peers import Eventsourcing
from bench.processes import kilobytes
from bench.subject import ACCOUNT, CODEC, Total, a_write
from redress import decider
from redress.eventlog.events import MAX_EVENTS_PER_APPEND
from redress.eventlog.pages import pages
from redress.eventlog.postgres import PostgresEventLog
from redress.eventlog.verify import verify
from redress.ids import new_uuid

LENGTHS = (10, 100, 1_000, 10_000)

READ_AND_DECODE = "SELECT + decode"


async def one_aggregate(stand: Stand, rounds: Rounds) -> list[Comparison]:
    """Load and fold one stream; microseconds per event. Limit: a bare SELECT of two columns, decoded the same way."""
    async with AsyncExitStack() as stack:
        database = await stand.fresh_log()
        log = await stack.enter_async_context(PostgresEventLog.open(database.api))
        peer = Eventsourcing(await stand.fresh("eventsourcing_replay"))
        stack.callback(peer.close)
        bare = await asyncpg.connect(database.superuser)
        stack.push_async_callback(bare.close)
        done = []
        for length in LENGTHS:
            stream = await _write(log, length)
            account = await asyncio.to_thread(peer.new_account, length)
            await settle(stand.cluster.superuser_dsn)
            times = max(1, 5_000 // length)
            peer_times = max(1, times // 10)
            runs: dict[str, Run] = {
                OURS: partial(_loads, log, stream, length, times),
                EVENTSOURCING: partial(asyncio.to_thread, _peer_loads, peer, account, length, peer_times),
                READ_AND_DECODE: partial(_bare_loads, bare, stream, length, times),
            }
            done.append(
                await compare(
                    f"load and fold one aggregate of {length:,} events",
                    "us/event",
                    runs,
                    rounds=rounds,
                    baseline=EVENTSOURCING,
                    lower_is_better=True,
                )
            )
        return done


async def whole_log(stand: Stand, rounds: Rounds, events: int) -> list[Comparison]:
    """The state of every stream folded out of the whole log, by a process of its own whose memory is measured."""
    database = await stand.fresh_log()
    await fill_log(database, events)
    dsn = await stand.fresh("eventsourcing_fold")
    await fill_peer(dsn, events)
    await settle(stand.cluster.superuser_dsn)
    memory: list[float] = []
    runs: dict[str, Run] = {
        OURS: lambda: _in_a_process(_fold_ours, database.api, events, memory),
        EVENTSOURCING: lambda: _in_a_process(_fold_peer, dsn, events, None),
        READ_AND_DECODE: lambda: _in_a_process(_fold_bare, database.superuser, events, None),
        "verify": lambda: _in_a_process(_verify, database.superuser, events, None),
    }
    folded = await compare(f"fold a log of {events:,} events", "events/s", runs, rounds=rounds, baseline=EVENTSOURCING)
    folded.notes.append(HOW)
    above = Figure(OURS, "MB", statistics.median(memory), memory, None, [])
    taken = await _disk(database.superuser, events)
    peers = await _disk(dsn, events)
    return [
        folded,
        Comparison("memory above base while folding it", None, {OURS: above}, lower_is_better=True),
        Comparison(
            "disk per event, with all indexes",
            EVENTSOURCING,
            {
                OURS: Figure(OURS, "bytes", taken, [taken], taken / peers, [taken / peers]),
                EVENTSOURCING: Figure(EVENTSOURCING, "bytes", peers, [peers], 1.0, [1.0]),
            },
            lower_is_better=True,
        ),
    ]


async def _write(log: PostgresEventLog, events: int) -> UUID:
    stream = new_uuid()
    for first in range(0, events, MAX_EVENTS_PER_APPEND):
        await log.append(TENANT, [a_write(stream, first, min(MAX_EVENTS_PER_APPEND, events - first))])
    return stream


async def _loads(log: PostgresEventLog, stream: UUID, length: int, times: int) -> float:
    begun = time.perf_counter()
    for _ in range(times):
        loaded = await decider.load(log, ACCOUNT, TENANT, stream)
        assert loaded.state.events == length
    return (time.perf_counter() - begun) / times / length * 1e6


def _peer_loads(peer: Eventsourcing, stream: UUID, length: int, times: int) -> float:
    begun = time.perf_counter()
    for _ in range(times):
        assert peer.load(stream).events == length
    return (time.perf_counter() - begun) / times / length * 1e6


async def _bare_loads(connection: asyncpg.Connection, stream: UUID, length: int, times: int) -> float:
    begun = time.perf_counter()
    for _ in range(times):
        rows = await connection.fetch(
            "SELECT type, payload FROM es.event WHERE stream_id = $1 ORDER BY version", stream
        )
        assert len([CODEC.decode(name, 1, payload) for name, payload in rows]) == length
    return (time.perf_counter() - begun) / times / length * 1e6


# -- in processes of their own


async def _in_a_process(
    work: Callable[[str, int], tuple[float, float]], dsn: str, events: int, memory: list[float] | None
) -> float:
    """Events per second; the memory above what the process had before it began, in MB, is added to `memory`."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        seconds, grown = await asyncio.to_thread(pool.apply, work, (dsn, events))
    if memory is not None:
        memory.append(grown)
    return events / seconds


def _measured(work: Callable[[], None]) -> tuple[float, float]:
    """Seconds, and MB above base."""
    before = kilobytes("VmRSS")
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun, (kilobytes("VmHWM") - before) / 1024


def _fold_ours(dsn: str, events: int) -> tuple[float, float]:
    """The state of every account, out of events with who, when, why and both hashes, as followers get them."""

    async def fold() -> None:
        accounts: dict[UUID, Total] = {}
        initial, evolve, decode = ACCOUNT.initial, ACCOUNT.evolve, ACCOUNT.codec.decode
        async with PostgresEventLog.open(dsn, sequencer=False) as log:
            async for page in pages(log):
                for stored in page:
                    event = decode(stored.type, stored.schema_version, stored.payload)
                    accounts[stored.stream_id] = evolve(accounts.get(stored.stream_id, initial), event)
        assert sum(account.events for account in accounts.values()) == events

    return _measured(lambda: uvloop.run(fold()))


def _fold_peer(dsn: str, events: int) -> tuple[float, float]:
    peer = Eventsourcing(dsn)

    def fold() -> None:
        assert peer.fold_log() == events

    try:
        return _measured(fold)
    finally:
        peer.close()


def _fold_bare(dsn: str, events: int) -> tuple[float, float]:
    """The least that any log in a table has to do: its two columns in pages by primary key, decoded."""

    async def fold() -> None:
        connection = await asyncpg.connect(dsn)
        after, seen = 0, 0
        while rows := await connection.fetch(
            "SELECT id, type, payload FROM es.event WHERE id > $1 ORDER BY id LIMIT 1000", after
        ):
            for _, name, payload in rows:
                CODEC.decode(name, 1, payload)
            after, seen = rows[-1]["id"], seen + len(rows)
        assert seen == events
        await connection.close()

    return _measured(lambda: uvloop.run(fold()))


def _verify(dsn: str, events: int) -> tuple[float, float]:
    async def check() -> None:
        connection = await asyncpg.connect(dsn)
        result = await verify(connection)
        assert (result.events, result.first_bad) == (events, None)
        await connection.close()

    return _measured(lambda: uvloop.run(check()))


async def _disk(dsn: str, events: int) -> float:
    connection = await asyncpg.connect(dsn)
    try:
        size: int = await connection.fetchval(
            "SELECT sum(pg_total_relation_size(c.oid)) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
            " WHERE n.nspname IN ('es', 'public') AND c.relkind = 'r'"
        )
        return size / events
    finally:
        await connection.close()
