"""The event log on PostgreSQL, over asyncpg directly.

Appends go through connections that are held, not checked out: resetting a pooled connection costs as much as the
INSERT. Commands that wait at the same moment are appended in one statement and one commit; nobody waits for a timer.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import cast
from uuid import UUID

import asyncpg
import structlog
from msgspec import Struct

from redress.eventlog.batched_reads import BatchedReads
from redress.eventlog.connections import HeldConnections
from redress.eventlog.events import (
    MAX_BYTES_PER_APPEND,
    MAX_EVENTS_PER_APPEND,
    MAX_PAYLOAD_BYTES,
    MAX_STREAMS_PER_APPEND,
    AppendResult,
    CommandInputs,
    CommandRecord,
    RecordedEvent,
    StoredAnswer,
    StoredEvent,
    StreamWrite,
)
from redress.eventlog.log import (
    AppendTooLarge,
    CommandInFlight,
    KeyReused,
    LockConflict,
    LogUnavailable,
    VersionConflict,
)
from redress.eventlog.outage import LOST_RACE, OUTAGE, UNREACHABLE
from redress.failpoints import failpoint, transaction_if_armed

_log = structlog.stdlib.get_logger("redress.eventlog")

GROUP_COMMANDS = 256  # beyond this a group gains nothing and its members wait longer
GROUP_BYTES = 8_000_000
QUEUE_LIMIT = 10_000  # commands waiting to be grouped; more is refused, so that memory stays bounded
STATEMENT_TIMEOUT_S = 5.0
POLL_S = 0.25  # a lost notification costs at most this
# The first append after a pause is sequenced at once. While more keep coming, the sequencer rests between its runs, and
# the longer the slower the disk is: its commits would take the disk and a core away from those of the appends.
SEQUENCER_RESTS_S = 0.003
SEQUENCER_RESTS_TIMES = 4  # as long as its last run took
SEQUENCER_RESTS_AT_MOST_S = 0.025
MAX_VERSION = 2**62

SEQUENCE_LIMIT = 10_000  # events in one transaction of the sequencer

_SEQUENCE = f"SELECT es.sequence({SEQUENCE_LIMIT})"
_APPEND = (
    "SELECT command, outcome, status, response, stream, actual FROM es.append("
    "$1::text[],$2::text[],$3::bytea[],$4::int[],$5::bytea[],$6::int[],$7::uuid[],$8::text[],$9::bigint[],$10::jsonb[],"
    "$11::int[],$12::int[],$13::uuid[],$14::text[],$15::int[],$16::bytea[],$17::bytea[],$18::timestamptz[])"
)


class _WaitingAppend(Struct, eq=False):
    tenant_id: str
    writes: Sequence[StreamWrite]
    command: CommandRecord | None
    done: asyncio.Future[AppendResult]
    bytes: int

    def claims(self) -> set[object]:
        """The keys and streams that no other command of the same group may touch."""
        claimed: set[object] = {write.stream_id for write in self.writes}
        if self.command is not None:
            claimed.add((self.tenant_id, self.command.key))
        return claimed


class PostgresEventLog:
    """An EventLog in the `es` schema of one database. Make it with `PostgresEventLog.open`."""

    def __init__(self, dsn: str, pool: asyncpg.Pool, appenders: int, readers: int) -> None:
        self._dsn = dsn
        self._pool = pool
        self._readers = HeldConnections(dsn, readers, STATEMENT_TIMEOUT_S)
        self._batched_reads = BatchedReads(self._readers)
        self._queue: deque[_WaitingAppend] = deque()
        self._claimed: set[object] = set()
        self._wake_appenders = [asyncio.Event() for _ in range(appenders)]
        self._wake_sequencer = asyncio.Event()
        self._head = 0
        self._head_moved = asyncio.Event()
        self._epoch: str | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._held: list[asyncpg.Connection] = []
        self._closing = False

    @classmethod
    @asynccontextmanager
    async def open(
        cls, dsn: str, *, appenders: int = 1, readers: int = 4, sequencer: bool = True
    ) -> AsyncIterator["PostgresEventLog"]:
        """Connect. `appenders` held connections write, up to `readers` read, and as many are in the pool for what is
        read beside the log. With `sequencer`, every append is given its place in the log at once by this process
        (several processes may do so: one works, the others stand back).
        """
        pool = await asyncpg.create_pool(
            dsn, min_size=1, max_size=readers, command_timeout=STATEMENT_TIMEOUT_S, reset=_keep
        )
        log = cls(dsn, pool, appenders, readers)
        log._tasks = [asyncio.create_task(log._append_groups(wake)) for wake in log._wake_appenders]
        log._tasks.append(asyncio.create_task(log._listen()))
        if sequencer:
            log._tasks.append(asyncio.create_task(log._sequence_when_poked()))
        try:
            yield log
        finally:
            await log._close()

    @property
    def pool(self) -> asyncpg.Pool:
        """Connections of this log's role, for what is read beside the log. Session state must not be left on them."""
        return self._pool

    async def append(
        self, tenant_id: str, writes: Sequence[StreamWrite], command: CommandRecord | None = None
    ) -> AppendResult:
        size = _bounded(writes)
        if self._closing or len(self._queue) >= QUEUE_LIMIT:
            raise LogUnavailable("too many commands are waiting")
        waiting = _WaitingAppend(tenant_id, writes, command, asyncio.get_running_loop().create_future(), size)
        self._queue.append(waiting)
        for wake in self._wake_appenders:
            wake.set()
        return await waiting.done

    async def append_on(
        self,
        connection: asyncpg.Connection | asyncpg.pool.PoolConnectionProxy,
        tenant_id: str,
        writes: Sequence[StreamWrite],
        command: CommandRecord | None = None,
    ) -> AppendResult:
        """Append inside the caller's transaction: durable when that commits. For reactors, whose effect and
        checkpoint must be one. The caller's process should run a sequencer (or poke one with `poke`).

        After a refusal the transaction can go on; after LockConflict it cannot, not from a savepoint either.
        """
        _bounded(writes)
        try:
            (outcome,) = await _append_group(connection, [(tenant_id, writes, command)])
        except LOST_RACE as failure:
            raise _explain(failure) from failure
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    def poke(self) -> None:
        """Have the sequencer look now: something was committed on a connection of the caller's."""
        self._wake_sequencer.set()

    async def read_stream(
        self, tenant_id: str, stream_id: UUID, from_version: int = 1, to_version: int | None = None
    ) -> list[RecordedEvent]:
        rows = await self._fetch(
            "SELECT * FROM es.read_stream($1,$2,$3,$4)",
            tenant_id,
            stream_id,
            from_version,
            MAX_VERSION if to_version is None else to_version,
        )
        return [RecordedEvent(tenant_id, stream_id, *row) for row in rows]

    async def read_for_fold(
        self, tenant_id: str, stream_id: UUID, to_version: int | None = None
    ) -> Sequence[StoredEvent]:
        rows = await self._fetch(
            "SELECT * FROM es.read_facts($1,$2,$3)",
            tenant_id,
            stream_id,
            MAX_VERSION if to_version is None else to_version,
        )
        return cast("Sequence[StoredEvent]", rows)  # a Record is read like the tuple that it stands for

    async def read_log(
        self, after_seq: int, limit: int, *, tenant_id: str | None = None, types: Sequence[str] | None = None
    ) -> list[RecordedEvent]:
        rows = await self._fetch(
            "SELECT * FROM es.read_log($1,$2,$3,$4)",
            after_seq,
            limit,
            tenant_id,
            None if types is None else list(types),
        )
        return [RecordedEvent(*row) for row in rows]

    async def find_event(self, tenant_id: str | None, event_id: UUID) -> tuple[str, UUID, int, int] | None:
        """(tenant, stream, version, seq) of a sequenced event; None if unknown, or of another tenant than asked."""
        rows = await self._fetch("SELECT * FROM es.find_event($1,$2)", tenant_id, event_id)
        if not rows:
            return None
        return rows[0]["tenant_id"], rows[0]["stream_id"], rows[0]["version"], rows[0]["seq"]

    async def read_for_command(self, tenant_id: str, key: str | None, after: Mapping[UUID, int]) -> CommandInputs:
        return await self._batched_reads.read_for_command(tenant_id, key, after)

    async def answer(self, tenant_id: str, key: str) -> StoredAnswer | None:
        rows = await self._fetch("SELECT * FROM es.answer($1,$2)", tenant_id, key)
        if not rows:
            return None
        return StoredAnswer(rows[0]["fingerprint"], rows[0]["status"], rows[0]["response"])

    async def head(self) -> int:
        rows = await self._fetch("SELECT seq, epoch FROM es.log_head")
        self._epoch = rows[0]["epoch"]
        self._saw_head(rows[0]["seq"])
        return self._head

    async def epoch(self) -> str:
        if self._epoch is None:
            await self.head()
        assert self._epoch is not None  # noqa: S101 - head() has just set it
        return self._epoch

    async def sequence(self, limit: int = SEQUENCE_LIMIT) -> int:
        rows = await self._fetch("SELECT es.sequence($1) AS given", limit)
        return max(int(rows[0]["given"]), 0)

    async def wait_for(self, seq: int, timeout_s: float) -> int:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                while self._head < seq:
                    moved = self._head_moved
                    await moved.wait()
        return self._head

    async def _fetch(self, sql: str, *arguments: object) -> list[asyncpg.Record]:
        try:
            return await self._readers.fetch(sql, *arguments)
        except OUTAGE as failure:
            raise LogUnavailable("the database did not answer") from failure

    def _saw_head(self, seq: int) -> None:
        if seq > self._head:
            self._head = seq
            moved, self._head_moved = self._head_moved, asyncio.Event()
            moved.set()

    async def _connect(self) -> asyncpg.Connection:
        """A connection that one of our tasks holds; closing the log ends it, even when the task has failed."""
        connection = await asyncpg.connect(self._dsn, command_timeout=STATEMENT_TIMEOUT_S, timeout=2.0)
        self._held = [*(held for held in self._held if not held.is_closed()), connection]
        return connection

    # -- appending

    async def _append_groups(self, wake: asyncio.Event) -> None:
        connection: asyncpg.Connection | None = None
        while True:
            group = self._take_group()
            if not group:
                wake.clear()
                if self._queue and not self._claimed:
                    continue
                await wake.wait()
                continue
            claims = set().union(*(waiting.claims() for waiting in group))
            self._claimed |= claims
            try:
                connection = await self._append_with(connection, group)
            finally:
                self._claimed -= claims
                for other in self._wake_appenders:
                    other.set()
            self._wake_sequencer.set()

    def _take_group(self) -> list[_WaitingAppend]:
        """The oldest waiting commands that touch neither each other's streams nor those of a group in flight."""
        group: list[_WaitingAppend] = []
        claims: set[object] = set(self._claimed)
        skipped: list[_WaitingAppend] = []
        size = 0
        while self._queue and len(group) < GROUP_COMMANDS and size < GROUP_BYTES:
            waiting = self._queue.popleft()
            if waiting.done.cancelled():
                continue
            wanted = waiting.claims()
            if claims & wanted:
                skipped.append(waiting)
            else:
                group.append(waiting)
                size += waiting.bytes
            claims |= wanted  # also of the skipped: a later command must not overtake them on the same stream
        self._queue.extendleft(reversed(skipped))
        return group

    async def _append_with(
        self, connection: asyncpg.Connection | None, group: list[_WaitingAppend]
    ) -> asyncpg.Connection | None:
        """Append the group; every member gets its own outcome in any case.

        A lost connection leaves the outcome open, so the group is tried once more on a new one: keys and event ids
        make that harmless. A refusal by the server (a bound, a timeout) is answered by trying each member alone.
        """
        lost: Exception = LogUnavailable("not connected")
        for _attempt in (1, 2):
            try:
                if connection is None or connection.is_closed():
                    connection = await self._connect()
                await failpoint("append.before")
                async with transaction_if_armed(connection, "append.before_commit"):
                    outcomes = await _append_group(connection, [(w.tenant_id, w.writes, w.command) for w in group])
                    await failpoint("append.before_commit")
                await failpoint("append.after_commit")
            except UNREACHABLE as failure:
                lost = failure
                if connection is not None:
                    connection.terminate()
                connection = None
            except Exception as failure:  # noqa: BLE001 - each member must learn its own fate
                if len(group) == 1:
                    _settle(group[0], _explain(failure))
                else:
                    for waiting in group:
                        connection = await self._append_with(connection, [waiting])
                return connection
            else:
                for waiting, outcome in zip(group, outcomes, strict=True):
                    _settle(waiting, outcome)
                return connection
        for waiting in group:
            _settle(waiting, _explain(lost))
        return None

    # -- sequencing and waking up

    async def _sequence_when_poked(self) -> None:
        connection: asyncpg.Connection | None = None
        now = asyncio.get_running_loop().time
        earliest = now()
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(POLL_S):
                    await self._wake_sequencer.wait()
            if (pause := earliest - now()) > 0:
                await asyncio.sleep(pause)
            self._wake_sequencer.clear()
            began = now()
            try:
                if connection is None or connection.is_closed():
                    connection = await self._connect()
                given = await _sequence(connection)
                if given < 0 or given == SEQUENCE_LIMIT:
                    # Another sequencer is at it, and what we were poked for may be too new for it; or there is more.
                    self._wake_sequencer.set()
            except Exception as failure:  # noqa: BLE001 - nothing may end this task but the process
                _log.warning("sequencer_cannot_work", error=f"{type(failure).__name__}: {failure}")
                if connection is not None:
                    connection.terminate()
                connection = None
                await asyncio.sleep(POLL_S)
            rest = max(SEQUENCER_RESTS_S, SEQUENCER_RESTS_TIMES * (now() - began))
            earliest = now() + min(rest, SEQUENCER_RESTS_AT_MOST_S)

    async def _listen(self) -> None:
        while True:
            connection: asyncpg.Connection | None = None
            try:
                connection = await self._connect()
                await connection.add_listener("es_log", self._notified)
                while True:
                    await self.head()
                    await asyncio.sleep(POLL_S)
                    if connection.is_closed():
                        break
            except Exception as failure:  # noqa: BLE001 - nor this one
                _log.warning("log_is_not_heard", error=f"{type(failure).__name__}: {failure}")
                await asyncio.sleep(POLL_S)
            finally:
                if connection is not None:
                    connection.terminate()

    def _notified(self, _connection: object, _pid: int, _channel: str, payload: object) -> None:
        self._saw_head(int(str(payload)))

    async def _close(self) -> None:
        self._closing = True
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(STATEMENT_TIMEOUT_S):
                while self._queue or self._claimed:  # noqa: ASYNC110 - once, at the end, with a deadline
                    await asyncio.sleep(0.005)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for connection in self._held:
            connection.terminate()
        for waiting in self._queue:
            _settle(waiting, LogUnavailable("the service is stopping"))
        await self._batched_reads.close()
        self._readers.close()
        self._pool.terminate()


async def _sequence(connection: asyncpg.Connection) -> int:
    """How many events got their place; -1 when another sequencer is at it."""
    async with transaction_if_armed(connection, "sequencer.before_commit"):
        given: int = await connection.fetchval(_SEQUENCE)
        if given > 0:
            await failpoint("sequencer.before_commit")
    if given > 0:
        await failpoint("sequencer.after_commit")
    return given


async def _append_group(
    connection: asyncpg.Connection | asyncpg.pool.PoolConnectionProxy,
    group: Sequence[tuple[str, Sequence[StreamWrite], CommandRecord | None]],
) -> list[AppendResult | Exception]:
    """One call of es.append. The outcome of each command, in order."""
    c_tenant, c_key, c_fingerprint, c_status, c_response = [], [], [], [], []
    s_command, s_id, s_type, s_expected, s_current = [], [], [], [], []
    e_stream, e_ordinal, e_id, e_type, e_schema, e_payload, e_meta, e_effective = [], [], [], [], [], [], [], []
    for command_number, (tenant_id, writes, command) in enumerate(group, 1):
        c_tenant.append(tenant_id)
        c_key.append(None if command is None else command.key)
        c_fingerprint.append(None if command is None else command.fingerprint)
        c_status.append(None if command is None else command.status)
        c_response.append(None if command is None else command.response)
        for write in writes:
            s_command.append(command_number)
            s_id.append(write.stream_id)
            s_type.append(write.stream_type)
            s_expected.append(write.expected)
            s_current.append(None if write.current is None else write.current.decode())
            for ordinal, event in enumerate(write.events, 1):
                e_stream.append(len(s_id))
                e_ordinal.append(ordinal)
                e_id.append(event.event_id)
                e_type.append(event.type)
                e_schema.append(event.schema_version)
                e_payload.append(event.payload)
                e_meta.append(event.meta)
                e_effective.append(event.effective_at)
    rows = await connection.fetch(
        _APPEND,
        c_tenant, c_key, c_fingerprint, c_status, c_response,
        s_command, s_id, s_type, s_expected, s_current,
        e_stream, e_ordinal, e_id, e_type, e_schema, e_payload, e_meta, e_effective,
    )  # fmt: skip
    special: dict[int, asyncpg.Record] = {}
    for row in rows:
        if row["command"] not in special or row["outcome"] == "conflict":
            special[row["command"]] = row
    return [_outcome(special.get(number), writes, command) for number, (_, writes, command) in enumerate(group, 1)]


def _outcome(
    row: asyncpg.Record | None, writes: Sequence[StreamWrite], command: CommandRecord | None
) -> AppendResult | Exception:
    if row is None or row["outcome"] == "already":
        return AppendResult({write.stream_id: write.expected + len(write.events) for write in writes})
    if row["outcome"] == "conflict":
        expected = next(write.expected for write in writes if write.stream_id == row["stream"])
        return VersionConflict(row["stream"], expected, row["actual"])
    key = "" if command is None else command.key
    if row["outcome"] == "replayed":
        fingerprint = b"" if command is None else command.fingerprint
        return AppendResult({}, StoredAnswer(fingerprint, row["status"], row["response"]))
    if row["outcome"] == "key-reused":
        return KeyReused(key)
    return CommandInFlight(key)


def _settle(waiting: _WaitingAppend, outcome: AppendResult | Exception) -> None:
    if waiting.done.done():
        return
    if isinstance(outcome, Exception):
        waiting.done.set_exception(outcome)
    else:
        waiting.done.set_result(outcome)


def _explain(failure: Exception) -> Exception:
    if isinstance(failure, OUTAGE):
        unavailable = LogUnavailable("the database did not answer; whether the append happened is not known")
        unavailable.__cause__ = failure
        return unavailable
    if isinstance(failure, LOST_RACE):
        conflict = LockConflict("two transactions waited for each other's streams")
        conflict.__cause__ = failure
        return conflict
    return failure


def _bounded(writes: Sequence[StreamWrite]) -> int:
    """The number of bytes to be written. AppendTooLarge beyond the bounds."""
    if len(writes) > MAX_STREAMS_PER_APPEND:
        raise AppendTooLarge(f"{len(writes)} streams in one append; at most {MAX_STREAMS_PER_APPEND}")
    events = [event for write in writes for event in write.events]
    if len(events) > MAX_EVENTS_PER_APPEND:
        raise AppendTooLarge(f"{len(events)} events in one append; at most {MAX_EVENTS_PER_APPEND}")
    for event in events:
        if len(event.payload) > MAX_PAYLOAD_BYTES:
            raise AppendTooLarge(f"{event.type} has {len(event.payload)} bytes; at most {MAX_PAYLOAD_BYTES}")
    if (size := sum(len(event.payload) for event in events)) > MAX_BYTES_PER_APPEND:
        raise AppendTooLarge(f"{size} bytes in one append; at most {MAX_BYTES_PER_APPEND}")
    return size + sum(len(event.meta) for event in events)


async def _keep(_connection: object) -> None:
    """No reset between borrowers: nothing here sets session state (a RESET ALL costs as much as the query)."""
