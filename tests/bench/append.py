"""Appends: many streams and one hot stream; 1, 8 and 32 writers; beside what would be taken instead."""

import asyncio
import re
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from threading import Lock
from typing import TypeVar
from uuid import UUID

import asyncpg

from bench.databases import Stand, settle
from bench.measure import Comparison, Rounds, Run, compare, per_second
from bench.peers import CONNECTIONS, Eventsourcing, in_threads, install_message_db
from bench.subject import ACCOUNT, EFFECTIVE, META, PAYLOAD, PAYLOAD_TEXT, SAMPLE, a_command, a_write
from redress.eventlog.events import CommandRecord
from redress.eventlog.postgres import PostgresEventLog
from redress.handling.command import CommandContext
from redress.handling.command_runner import CommandJob, CommandRunner
from redress.handling.unit_of_work import UnitOfWork
from redress.ids import new_uuid
from redress_local.postgres import binaries

WRITERS = (1, 8, 32)
HOT_EVENTS = 100  # a hot stream is left for a new one at this length, so that loading it costs all the same

OURS = "redress"
INSERT = "one INSERT"
HELD = "one INSERT, connections held"
PGBENCH = "pgbench"
EVENTSOURCING = "eventsourcing"
EVENTSOURCING_FUNCTION = "eventsourcing, database function"
MESSAGE_DB = "message-db"

_TABLE = """
CREATE TABLE event (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, stream uuid NOT NULL, version bigint NOT NULL,
  type text NOT NULL, payload bytea NOT NULL, recorded_at timestamptz NOT NULL DEFAULT now(), UNIQUE (stream, version))
"""
_INSERT = "INSERT INTO event (stream, version, type, payload) VALUES ($1, $2, $3, $4)"

T = TypeVar("T")
Over = Callable[[], bool]


async def many_streams(stand: Stand, rounds: Rounds) -> list[Comparison]:
    """Each append starts a stream, with an idempotency key, hash chain and sequencer; the peers have none of these."""
    async with AsyncExitStack() as stack:
        bare = await stand.fresh("bare")
        pool = await stack.enter_async_context(_bare_pool(bare))
        log = await stack.enter_async_context(PostgresEventLog.open((await stand.fresh_log()).api))
        plain = Eventsourcing(await stand.fresh("eventsourcing"))
        stack.callback(plain.close)
        function = Eventsourcing(await stand.fresh("eventsourcing_function"), database_functions=True)
        stack.callback(function.close)
        messages = await stack.enter_async_context(_message_db(stand))
        done = []
        for writers in WRITERS:
            await settle(stand.cluster.superuser_dsn)
            runs: dict[str, Run] = {
                INSERT: _rate(partial(_insert, pool, writers), rounds),
                OURS: _rate(partial(_append, log, writers), rounds),
                EVENTSOURCING: _rate(partial(_insert_by_library, plain, writers), rounds),
                EVENTSOURCING_FUNCTION: _rate(partial(_insert_by_library, function, writers), rounds),
                MESSAGE_DB: _rate(partial(_write_messages, messages, writers), rounds),
                HELD: _rate(partial(_insert_held, bare, writers), rounds),
                PGBENCH: partial(_pgbench, stand, bare, writers, rounds.seconds),
            }
            title = f"append to new streams, {writers} writer{'s' if writers > 1 else ''}"
            done.append(await compare(title, "events/s", runs, rounds=rounds, baseline=INSERT))
        return done


async def hot_stream(stand: Stand, rounds: Rounds) -> list[Comparison]:
    """Load, decide, append on one stream, by 1 and by 32 at once; who loses the race begins again."""
    async with AsyncExitStack() as stack:
        pool = await stack.enter_async_context(_bare_pool(await stand.fresh("bare_hot")))
        log = await stack.enter_async_context(PostgresEventLog.open((await stand.fresh_log()).api))
        plain = Eventsourcing(await stand.fresh("eventsourcing_hot"))
        stack.callback(plain.close)
        done = []
        for writers in (1, 32):
            await settle(stand.cluster.superuser_dsn)
            runs: dict[str, Run] = {
                OURS: _rate(partial(_commands, log, writers), rounds),
                EVENTSOURCING: _rate(partial(_hot_eventsourcing, plain, writers), rounds),
                f"{EVENTSOURCING}, a lock around it": _rate(partial(_hot_eventsourcing_locked, plain, writers), rounds),
                "SELECT + INSERT": _rate(partial(_hot_insert, pool, writers), rounds),
            }
            title = f"one hot stream, {writers} command{'s' if writers > 1 else ''} in flight"
            done.append(await compare(title, "commands/s", runs, rounds=rounds, baseline=EVENTSOURCING))
        return done


def _rate(work: Callable[[Over], Awaitable[int]], rounds: Rounds) -> Run:
    return lambda: per_second(work, rounds.seconds)


def _count(work: Callable[[], object], over: Over) -> int:
    done = 0
    while not over():
        work()
        done += 1
    return done


async def _writers(count: int, work: Callable[[], Awaitable[object]], over: Over) -> int:
    async def writer() -> int:
        done = 0
        while not over():
            await work()
            done += 1
        return done

    return sum(await asyncio.gather(*(writer() for _ in range(count))))


# -- new streams


@asynccontextmanager
async def _bare_pool(dsn: str) -> AsyncIterator[asyncpg.Pool]:
    async with asyncpg.create_pool(dsn, min_size=CONNECTIONS, max_size=CONNECTIONS) as pool:
        await pool.execute(_TABLE)
        yield pool


async def _insert(pool: asyncpg.Pool, writers: int, over: Over) -> int:
    return await _writers(writers, lambda: pool.execute(_INSERT, new_uuid(), 1, "assessed", PAYLOAD), over)


async def _insert_by_library(peer: Eventsourcing, writers: int, over: Over) -> int:
    return await in_threads(writers, lambda: _count(peer.insert, over))


async def _insert_held(dsn: str, writers: int, over: Over) -> int:
    async def writer() -> int:
        connection = await asyncpg.connect(dsn)
        try:
            return await _writers(1, lambda: connection.execute(_INSERT, new_uuid(), 1, "assessed", PAYLOAD), over)
        finally:
            await connection.close()

    return sum(await asyncio.gather(*(writer() for _ in range(writers))))


async def _append(log: PostgresEventLog, writers: int, over: Over) -> int:
    before = await log.head()
    done = await _writers(writers, lambda: log.append("acme", [a_write(new_uuid(), 0)], a_command()), over)
    await log.wait_for(before + done, 60.0)  # giving each its place belongs to the work
    return done


@asynccontextmanager
async def _message_db(stand: Stand) -> AsyncIterator[asyncpg.Pool]:
    dsn = await stand.fresh("message_store")
    await install_message_db(dsn)
    async with asyncpg.create_pool(
        dsn,
        min_size=CONNECTIONS,
        max_size=CONNECTIONS,
        server_settings={"search_path": "message_store,public"},
    ) as pool:
        yield pool


async def _write_messages(pool: asyncpg.Pool, writers: int, over: Over) -> int:
    async def write() -> None:
        await pool.fetchval(
            "SELECT write_message($1, $2, $3, $4::jsonb, NULL, -1)",
            str(new_uuid()),
            f"account-{new_uuid()}",
            "assessed",
            PAYLOAD_TEXT,
        )

    return await _writers(writers, write, over)


async def _pgbench(stand: Stand, dsn: str, writers: int, seconds: float) -> float:
    """The same INSERT out of C, prepared, each client on its connection: what the machine can do."""
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "insert.sql"
        payload = PAYLOAD_TEXT.replace("'", "''")
        script.write_text(
            "INSERT INTO event (stream, version, type, payload)"
            f" VALUES (gen_random_uuid(), 1, 'assessed', convert_to('{payload}', 'UTF8'));\n"
        )
        load = ("-n", "-M", "prepared", "-c", str(writers), "-j", "2", "-T", str(max(1, round(seconds))))
        where = ("-h", str(stand.socket_folder), "-U", "postgres", dsn.partition("?")[0].rpartition("/")[2])
        done = await asyncio.to_thread(
            subprocess.run,
            [str(binaries() / "pgbench"), *load, "-f", str(script), *where],
            capture_output=True,
            text=True,
            check=True,
        )
    found = re.search(r"tps = ([\d.]+)", done.stdout)
    if found is None:
        sys.exit(f"pgbench printed no rate:\n{done.stdout}{done.stderr}")
    return float(found[1])


# -- one hot stream


class _Hot:
    """The stream of the moment."""

    def __init__(self) -> None:
        self.stream: UUID = new_uuid()
        self._left = HOT_EVENTS

    def take(self) -> UUID:
        self._left -= 1
        if self._left < 0:
            self.stream, self._left = new_uuid(), HOT_EVENTS
        return self.stream


async def _commands(log: PostgresEventLog, writers: int, over: Over) -> int:
    """As the services run commands."""
    hot, runner = _Hot(), CommandRunner(log)

    async def command() -> None:
        stream, record = hot.take(), a_command()

        async def work(uow: UnitOfWork) -> bytes:
            uow.record(ACCOUNT, stream, [SAMPLE])
            return record.response

        await runner.run(_asked(record), CommandJob(work=work, status=record.status, writes={stream: ACCOUNT}))

    return await _writers(writers, command, over)


def _asked(record: CommandRecord) -> CommandContext:
    return CommandContext(
        tenant="acme",
        actor=META.actor,
        key=record.key,
        fingerprint=record.fingerprint,
        command_id=str(new_uuid()),
        correlation_id=META.correlation_id,
        now=EFFECTIVE,
    )


async def _hot_eventsourcing(peer: Eventsourcing, writers: int, over: Over, lock: "Lock | None" = None) -> int:
    taking = Lock()
    left, current = 0, peer.new_account()

    def stream() -> UUID:
        nonlocal left, current
        with taking:
            if left >= HOT_EVENTS:
                left, current = 0, peer.new_account()
            left += 1
            return current

    def command() -> None:
        mine = stream()
        if lock is None:
            peer.command(mine)
        else:
            with lock:
                peer.command(mine)

    return await in_threads(writers, lambda: _count(command, over))


async def _hot_eventsourcing_locked(peer: Eventsourcing, writers: int, over: Over) -> int:
    return await _hot_eventsourcing(peer, writers, over, Lock())


async def _hot_insert(pool: asyncpg.Pool, writers: int, over: Over) -> int:
    hot = _Hot()

    async def command() -> None:
        stream = hot.take()
        while True:
            version = await pool.fetchval("SELECT coalesce(max(version), 0) FROM event WHERE stream = $1", stream)
            try:
                await pool.execute(_INSERT, stream, version + 1, "assessed", PAYLOAD)
            except asyncpg.UniqueViolationError:
                continue
            return

    return await _writers(writers, command, over)
