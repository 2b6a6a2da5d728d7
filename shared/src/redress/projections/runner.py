"""Feeds a handler from a source so that every event has its effect exactly once, whatever dies in between.

One transaction per batch: lock the checkpoint, drop what is applied already, apply, move the checkpoint, commit. An
event that cannot be applied is tried alone, its tries counted before each, and then parked together with the rest of
its stream; other streams go on. Messages of a broker are acknowledged afterwards, as a hint for monitors only.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Generic, NoReturn, TypeVar
from uuid import UUID

import asyncpg
import structlog
from msgspec import Struct
from msgspec.structs import replace
from prometheus_client import CollectorRegistry

from redress.failpoints import failpoint
from redress.messaging.source import Batch, ConsumerHalted, GapNotClosed, Item, Mark, Source
from redress.ops.until import until
from redress.projections import checkpoints, parking
from redress.projections.metrics import ConsumerMetrics
from redress.projections.plan import Gap, plan
from redress.projections.projection import Connection, Projection, is_reactor

E = TypeVar("E")

_log = structlog.stdlib.get_logger("redress.projections")

# The driver answers with its internal error when the server dies between two of its own operations.
_TROUBLE = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)
_TROUBLE_STATES = {"08", "53", "57", "58"}  # connection, resources, shutdown, the server's own disk
_QUERY_CANCELED = "57014"  # a statement that took too long: that may well be the event
_READ_ONLY = "25006"
_LOCK_TIMEOUT = "55P03"  # somebody else holds the checkpoint, a rebuild that swaps for instance

FIRST_BATCH = 100  # one by one that is half a second
BATCH = 500  # large enough that the commit is shared, small enough that a failing one is soon taken apart
ATTEMPTS = 5
PARKED_IN_A_ROW = 20  # without one success in between it is the handler that is broken, not the events
PAUSES_S = (0.05, 0.2, 0.5, 1.0)  # between tries: long enough for a lock or a restart to pass
POLL_S = 20.0  # below the feed's 30 s
ACQUIRE_S = 5.0


class DatabaseGone(Exception):
    """The database cannot work now; nothing is known to be wrong with the event. The supervisor starts again."""


class HandlerBroken(ConsumerHalted):
    """So many events in a row could not be applied that parking them would only hide a broken handler."""


class Unparked(Struct, frozen=True):
    """`applied` events were taken in again; `remaining` are still parked."""

    applied: int
    remaining: int


class Runner(Generic[E]):
    """One handler following one source.

    `committed` is called after each commit of a reactor (the log's `poke`, so that what it appended is placed at once).
    The pool's role is the service's worker role.
    """

    def __init__(
        self,
        pool: asyncpg.Pool,
        projection: Projection[E],
        source: Source[E],
        *,
        metrics: ConsumerMetrics | None = None,
        committed: Callable[[], None] | None = None,
        batch: int = BATCH,
        attempts: int = ATTEMPTS,
        pauses_s: Sequence[float] = PAUSES_S,
    ) -> None:
        self.name = checkpoints.consumer_name(projection.name, source.name)
        self._pool = pool
        self._projection = projection
        self._source = source
        self._metrics = metrics or ConsumerMetrics(CollectorRegistry())
        self._committed = committed if is_reactor(projection) else None
        self._limit = batch
        self._attempts = attempts
        self._pauses_s = pauses_s
        self._marks: dict[int, Mark] = {}
        self._careful = True
        self._parked_in_a_row = 0

    async def run(self, stop: asyncio.Event) -> None:
        """Follow the source until `stop`. ConsumerHalted when going on would be wrong; DatabaseGone, SourceUnavailable
        when it should be run again after a while."""
        await until(stop, self._follow())

    async def _follow(self) -> NoReturn:
        try:
            await self.open()
            while True:
                await self.step(POLL_S)
        except ConsumerHalted as reason:
            self._metrics.halted.labels(self.name).set(1)
            _log.critical("consumer_halted", consumer=self.name, reason=str(reason))
            raise
        finally:
            await self._source.close()

    async def open(self) -> None:
        """Read the checkpoint and connect the source.

        The first batch is taken one by one: if the last process died of one of its events, that try is counted now. An
        event further on that kills the process comes into the first batch sooner or later, since each start gets on.
        """
        self._careful = True
        self._metrics.halted.labels(self.name).set(0)
        async with self._connection() as connection, connection.transaction():
            await checkpoints.ensure(connection, self.name, self._source.shards)
        self._marks = dict(await self._read_marks())
        await self._show_parked()
        await self._source.open(self._read_marks)

    async def close(self) -> None:
        await self._source.close()

    async def step(self, timeout_s: float) -> int:
        """Take what the source has, waiting at most `timeout_s` for it. How many events came."""
        limit = min(FIRST_BATCH, self._limit) if self._careful else self._limit
        batch = await self._source.fetch(self._marks, limit, timeout_s)
        await self._take(batch)
        if batch.behind is not None:
            self._metrics.lag.labels(self.name).set(batch.behind)
        return len(batch.items)

    async def catch_up(self) -> int:
        """Take everything the source has now. How many events came."""
        taken = 0
        while count := await self.step(0.0):
            taken += count
        return taken

    async def unpark(self, stream: UUID | None = None) -> Unparked:
        """Apply parked events again, in order, of one stream or of all. A stream that fails again stays parked.

        May run beside the live consumer, in another process too: both lock the checkpoint.
        """
        async with self._connection() as connection:
            waiting = [stream] if stream is not None else await self._parked_streams(connection)
        applied = 0
        for each in waiting:
            applied += await self._unpark_stream(each)
        return Unparked(applied, await self._show_parked())

    # -- one batch

    async def _take(self, batch: Batch[E]) -> None:
        if not batch.items and not self._moves(batch):
            return
        repaired: Gap | None = None
        while True:
            try:
                await self._careful_or_together(batch)
                break
            except Gap as gap:
                if repaired is not None and (repaired.shard, repaired.after) == (gap.shard, gap.after):
                    raise GapNotClosed(gap.shard, gap.after, gap.through) from gap
                await self._repair(gap)
                repaired = gap
        await failpoint("consumer.before_hint", self.name)
        await self._source.applied(batch)

    def _moves(self, batch: Batch[E]) -> bool:
        """Whether an empty batch tells anything new: a feed that came further, a broker's new offset."""
        further = any(self._marks[shard].seq < position for shard, position in batch.reached.items())
        return further or any(self._marks[shard].offset != offset for shard, offset in batch.offsets.items())

    async def _careful_or_together(self, batch: Batch[E]) -> None:
        if self._careful:
            await self._one_by_one(batch)
            self._careful = not batch.items
            return
        try:
            await self._together(batch)
        except (Gap, ConsumerHalted, DatabaseGone):
            raise
        except Exception as failure:  # noqa: BLE001 - whatever a handler raises is answered the same way
            _log.warning("batch_failed", consumer=self.name, events=len(batch.items), error=_text(failure))
            await self._one_by_one(batch)

    async def _together(self, batch: Batch[E]) -> None:
        """The whole batch in one transaction."""
        async with self._connection() as connection:
            await self._transact(connection, batch)

    async def _transact(self, connection: Connection, batch: Batch[E], *, forget: bool = False) -> None:
        async with connection.transaction():
            marks = await checkpoints.lock(connection, self.name, self._shards_of(batch))
            items, moved = plan(batch, marks, numbered=self._source.numbered)
            if items:
                await failpoint("consumer.begun", self.name)
                await self._apply(connection, items)
                await failpoint("consumer.applied", self.name)
            if forget:
                for item in batch.items:
                    await parking.forget_attempts(connection, self._parker(item.shard), [item.seq])
            if moved:
                await checkpoints.move(connection, self.name, moved)
            if items:
                await failpoint("consumer.before_commit", self.name)
        if items:
            await failpoint("consumer.after_commit", self.name)
        self._moved({**marks, **moved}, len(items))

    async def _apply(self, connection: Connection, items: Sequence[Item[E]]) -> None:
        """Apply the items, except those whose stream is parked: these wait behind it."""
        waiting: set[tuple[int, int]] = set()
        for consumer, of_consumer in self._by_parker(items).items():
            parked = await parking.parked_streams(connection, consumer, {item.stream for item in of_consumer})
            behind = [item for item in of_consumer if item.stream in parked]
            if behind:
                await parking.park(connection, consumer, behind, "waits behind an earlier event of its stream")
                waiting.update((item.shard, item.seq) for item in behind)
        ready = [item.event for item in items if (item.shard, item.seq) not in waiting]
        if ready:
            await self._projection.apply(connection, ready)
        if waiting:
            self._metrics.parked.labels(self.name).inc(len(waiting))
            _log.error("events_parked", consumer=self.name, events=len(waiting), reason="their stream is parked")

    async def _repair(self, gap: Gap) -> None:
        """Fetch what a broker did not deliver from where it was published."""
        _log.error("gap_found", consumer=self.name, shard=gap.shard, after=gap.after, through=gap.through)
        for chunk in _chunks(await self._source.missing(gap.shard, gap.after, gap.through), self._limit):
            await self._careful_or_together(Batch(items=chunk))
        await self._together(Batch(since=gap.after, reached={gap.shard: gap.through}))
        self._metrics.gaps.labels(self.name).inc()

    # -- one event at a time

    async def _one_by_one(self, batch: Batch[E]) -> None:
        for item in batch.items:
            mark = self._marks[item.shard]
            if not self._source.numbered or item.seq > mark.seq:
                await self._alone(item)
        await self._together(replace(batch, items=()))

    async def _alone(self, item: Item[E]) -> None:
        """Apply one event, or park it after the last try."""
        alone = Batch(items=(item,))
        parker = self._parker(item.shard)
        async with self._connection() as connection:
            while True:
                counted = await parking.count_attempt(connection, parker, item)
                if counted is None:
                    await self._transact(connection, alone)  # its stream is parked, and so it will be
                    return
                attempt, error = counted
                if attempt > self._attempts:
                    await self._park(connection, item, error or "the process ended during every try")
                    return
                try:
                    await self._transact(connection, alone, forget=True)
                except (Gap, ConsumerHalted):
                    raise
                except Exception as failure:
                    if _is_gone(connection, failure):
                        raise
                    error = _text(failure)
                else:
                    return
                _log.warning("event_failed", consumer=self.name, seq=item.seq, attempt=attempt, error=error)
                await parking.record_error(connection, parker, item.seq, error)
                if attempt >= self._attempts:
                    await self._park(connection, item, error)
                    return
                await asyncio.sleep(self._pauses_s[min(attempt, len(self._pauses_s)) - 1])

    async def _park(self, connection: Connection, item: Item[E], error: str) -> None:
        alone = Batch(items=(item,))
        async with connection.transaction():
            marks = await checkpoints.lock(connection, self.name, [item.shard])
            items, moved = plan(alone, marks, numbered=self._source.numbered)
            if items:
                await parking.park(connection, self._parker(item.shard), items, error)
                await checkpoints.move(connection, self.name, moved)
            else:
                await parking.forget_attempts(connection, self._parker(item.shard), [item.seq])
        self._moved({**marks, **moved}, 0)
        if not items:
            return
        self._metrics.parked.labels(self.name).inc()
        _log.error(
            "event_parked", consumer=self.name, seq=item.seq, stream=str(item.stream), tenant=item.tenant, error=error
        )
        self._parked_in_a_row += 1
        if self._parked_in_a_row >= PARKED_IN_A_ROW:
            raise HandlerBroken(f"{self._parked_in_a_row} events in a row could not be applied; the last: {error}")

    # -- parked events

    async def _unpark_stream(self, stream: UUID) -> int:
        applied = 0
        while True:
            async with self._connection() as connection:
                first = await self._first_parked(connection, stream)
            if first is None:
                return applied
            shard, seq = first
            item = await self._source.one(shard, seq)
            try:
                async with self._connection() as connection, connection.transaction():
                    await checkpoints.lock(connection, self.name, [shard])
                    if await self._first_parked(connection, stream) != first:
                        continue  # somebody else was quicker
                    await self._projection.apply(connection, [item.event])
                    await parking.release(connection, self._parker(shard), seq)
            except DatabaseGone:
                raise
            except Exception as failure:  # noqa: BLE001 - it stays parked, and says why
                _log.error("unpark_failed", consumer=self.name, seq=seq, stream=str(stream), error=_text(failure))
                async with self._connection() as connection:
                    await parking.failed_again(connection, self._parker(shard), seq, _text(failure))
                return applied
            applied += 1
            if self._committed is not None:
                self._committed()
            _log.info("event_unparked", consumer=self.name, seq=seq, stream=str(stream))

    async def _parked_streams(self, connection: Connection) -> list[UUID]:
        return [each for parker in self._parkers() for each in await parking.streams(connection, parker)]

    async def _first_parked(self, connection: Connection, stream: UUID) -> tuple[int, int] | None:
        for parker in self._parkers():
            if (first := await parking.first_of(connection, parker, stream)) is not None:
                return first
        return None

    async def _show_parked(self) -> int:
        async with self._connection() as connection:
            parked = sum([await parking.how_many(connection, parker) for parker in self._parkers()])
        self._metrics.parked.labels(self.name).set(parked)
        if parked:
            _log.error("events_are_parked", consumer=self.name, events=parked)
        return parked

    def _parker(self, shard: int) -> str:
        """The consumer's name in es.parked. Offsets are unique inside a partition only, so there it names that too."""
        return self.name if self._source.numbered else f"{self.name}/{shard}"

    def _parkers(self) -> list[str]:
        return sorted({self._parker(shard) for shard in self._source.shards})

    def _by_parker(self, items: Iterable[Item[E]]) -> dict[str, list[Item[E]]]:
        grouped: dict[str, list[Item[E]]] = {}
        for item in items:
            grouped.setdefault(self._parker(item.shard), []).append(item)
        return grouped

    # -- marks and connections

    def _shards_of(self, batch: Batch[E]) -> set[int]:
        return {item.shard for item in batch.items} | set(batch.offsets) | set(batch.reached)

    def _moved(self, marks: Mapping[int, Mark], applied: int) -> None:
        """Remember the marks as they were committed; another process may have moved them too."""
        self._marks.update(marks)
        if applied:
            self._parked_in_a_row = 0
        self._metrics.applied.labels(self.name).inc(applied)
        self._metrics.position.labels(self.name).set(max(mark.seq for mark in self._marks.values()))
        if applied and self._committed is not None:
            self._committed()

    async def _read_marks(self) -> Mapping[int, Mark]:
        async with self._connection() as connection:
            return await checkpoints.read(connection, self.name)

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[Connection]:
        try:
            connection = await self._pool.acquire(timeout=ACQUIRE_S)
        except _TROUBLE as failure:
            raise DatabaseGone("no connection to the database") from failure
        try:
            yield connection
        except _TROUBLE as failure:
            if _is_gone(connection, failure):
                raise DatabaseGone(_text(failure)) from failure
            raise
        finally:
            await self._pool.release(connection, timeout=ACQUIRE_S)


def _is_gone(connection: Connection, failure: BaseException) -> bool:
    """Whether it was not the event: the connection is lost, or the server as a whole is in trouble."""
    try:
        if connection.is_closed():
            return True
    except asyncpg.InterfaceError:  # the pool has taken the broken connection away already
        return True
    state = getattr(failure, "sqlstate", None) or ""
    return state != _QUERY_CANCELED and (state[:2] in _TROUBLE_STATES or state in {_READ_ONLY, _LOCK_TIMEOUT})


def _chunks(items: Sequence[Item[E]], size: int) -> list[tuple[Item[E], ...]]:
    return [tuple(items[start : start + size]) for start in range(0, len(items), size)]


def _text(failure: Exception) -> str:
    return f"{type(failure).__name__}: {failure}"
