"""Applies what a source delivers, every event exactly once, and puts aside what cannot be applied.

One transaction per batch: lock the checkpoint, drop what is applied already, apply, move the checkpoint, commit. An
event that cannot be applied is tried alone, each try counted before it is made (also one that ends the process), and
is then parked together with the rest of its stream; other streams go on.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Generic, TypeVar

import asyncpg
import structlog
from msgspec.structs import replace

from redress.eventlog.connections import Connection
from redress.failpoints import failpoint
from redress.messaging.source import Batch, ConsumerHalted, Mark, Source, SourceItem
from redress.projections import checkpoints, parking
from redress.projections.database import is_gone, text_of, working_on
from redress.projections.metrics import ConsumerMetrics
from redress.projections.plan import Gap, plan
from redress.projections.projection import Projection, is_reactor

E = TypeVar("E")

_log = structlog.stdlib.get_logger("redress.projections")

ATTEMPTS = 5
PAUSES_S = (0.05, 0.2, 0.5, 1.0)  # between tries: long enough for a lock or a restart to pass
RECOUNT_S = 15.0  # while anything is parked
PARKED_IN_A_ROW = 20  # without one success in between it is the handler that is broken, not the events


class HandlerBroken(ConsumerHalted):
    """So many events in a row could not be applied that parking them would only hide a broken handler."""


class Applier(Generic[E]):
    """One handler and its checkpoint. `marks` is how far it was known to be after the last commit."""

    def __init__(
        self,
        pool: asyncpg.Pool,
        projection: Projection[E],
        source: Source[E],
        *,
        metrics: ConsumerMetrics,
        committed: Callable[[], None] | None,
        attempts: int,
        pauses_s: Sequence[float],
    ) -> None:
        self.key = checkpoints.ConsumerKey(projection.name, source.service, source.log)
        self.name = self.key.label
        self.marks: dict[int, Mark] = {}
        self._pool = pool
        self._projection = projection
        self._shards = source.shards
        self._numbered = source.numbered
        self._metrics = metrics
        self._committed = committed if is_reactor(projection) else None
        self._attempts = attempts
        self._pauses_s = pauses_s
        self._parked_in_a_row = 0
        self._any_parked = False
        self._counted_at = 0.0

    async def start(self) -> None:
        """The checkpoint exists and is known."""
        async with working_on(self._pool) as connection, connection.transaction():
            await checkpoints.ensure(connection, self.key, self._shards)
        self.marks = dict(await self.read_marks())
        await self.show_parked()

    async def read_marks(self) -> Mapping[int, Mark]:
        async with working_on(self._pool) as connection:
            return await checkpoints.read(connection, self.key)

    def moves(self, batch: Batch[E]) -> bool:
        """Whether an empty batch tells anything new: a feed that came further, a broker's new offset."""
        further = any(self.marks[shard].seq < position for shard, position in batch.reached.items())
        return further or any(self.marks[shard].offset != offset for shard, offset in batch.offsets.items())

    async def apply(self, batch: Batch[E]) -> None:
        """The whole batch in one transaction; if that fails, one by one. Gap, ConsumerHalted, DatabaseGone."""
        async with working_on(self._pool) as connection:
            try:
                await self._transact(connection, batch)
            except (Gap, ConsumerHalted):
                raise
            except Exception as failure:
                if is_gone(connection, failure):
                    raise
                _log.warning("batch_failed", consumer=self.name, events=len(batch.items), error=text_of(failure))
            else:
                return
        await self.apply_one_by_one(batch)

    async def apply_one_by_one(self, batch: Batch[E]) -> None:
        for item in batch.items:
            if not self._numbered or item.seq > self.marks[item.shard].seq:
                await self._alone(item)
        async with working_on(self._pool) as connection:
            await self._transact(connection, replace(batch, items=()))

    async def show_parked(self) -> int:
        """How many events are parked; said aloud if there are any."""
        parked = await self._count_parked()
        if parked:
            _log.error("events_are_parked", consumer=self.name, events=parked)
        return parked

    async def recount_parked(self) -> None:
        """Another process may have released what was parked: the gauge follows."""
        now = asyncio.get_running_loop().time()
        if self._any_parked and now >= self._counted_at + RECOUNT_S:
            await self._count_parked()

    def parker(self, shard: int) -> str:
        """The consumer's name in es.parked. Offsets are unique inside a partition only, so there it names that too."""
        return self.name if self._numbered else f"{self.name}/{shard}"

    @property
    def parkers(self) -> list[str]:
        return sorted({self.parker(shard) for shard in self._shards})

    async def _count_parked(self) -> int:
        async with working_on(self._pool) as connection:
            parked = sum([await parking.how_many(connection, parker) for parker in self.parkers])
        self._metrics.parked.labels(self.name).set(parked)
        self._any_parked = parked > 0
        self._counted_at = asyncio.get_running_loop().time()
        return parked

    def _have_parked(self, events: int) -> None:
        self._metrics.parked.labels(self.name).inc(events)
        self._any_parked = True

    async def _transact(self, connection: Connection, batch: Batch[E], *, forget: bool = False) -> None:
        """One transaction. With `forget`, the counted tries of its events are over."""
        applied, waiting = 0, 0
        async with connection.transaction():
            touched = {item.shard for item in batch.items} | set(batch.offsets) | set(batch.reached)
            marks = await checkpoints.lock(connection, self.key, touched)
            items, moved = plan(batch, marks, numbered=self._numbered)
            if items:
                await failpoint("consumer.begun", self.name)
                ready = await self._without_parked(connection, items)
                applied, waiting = len(ready), len(items) - len(ready)
                if ready:
                    await self._projection.apply(connection, ready)
                await failpoint("consumer.applied", self.name)
            if forget:
                for item in batch.items:
                    await parking.forget_attempts(connection, self.parker(item.shard), [item.seq])
            await checkpoints.move(connection, self.key, moved)
            if items:
                await failpoint("consumer.before_commit", self.name)
        if items:
            await failpoint("consumer.after_commit", self.name)
        self._has_moved({**marks, **moved}, applied)
        if waiting:
            self._have_parked(waiting)
            _log.error("events_parked", consumer=self.name, events=waiting, reason="their stream is parked")

    async def _without_parked(self, connection: Connection, items: Sequence[SourceItem[E]]) -> list[E]:
        """The events to be applied; those of parked streams are parked behind them."""
        waiting: set[tuple[int, int]] = set()
        for parker, of_parker in self._by_parker(items).items():
            parked = await parking.parked_streams(connection, parker, {item.stream for item in of_parker})
            behind = [item for item in of_parker if item.stream in parked]
            if behind:
                await parking.park(connection, parker, behind, "waits behind an earlier event of its stream")
                waiting.update((item.shard, item.seq) for item in behind)
        return [item.event for item in items if (item.shard, item.seq) not in waiting]

    async def _alone(self, item: SourceItem[E]) -> None:
        """Apply one event, or park it after the last try."""
        alone = Batch(items=(item,))
        parker = self.parker(item.shard)
        plan(alone, self.marks, numbered=self._numbered)  # a gap or another epoch is no try of this event
        async with working_on(self._pool) as connection:
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
                    if is_gone(connection, failure):
                        raise
                    error = text_of(failure)
                else:
                    return
                _log.warning("event_failed", consumer=self.name, seq=item.seq, attempt=attempt, error=error)
                await parking.record_error(connection, parker, item.seq, error)
                if attempt >= self._attempts:
                    await self._park(connection, item, error)
                    return
                await asyncio.sleep(self._pauses_s[min(attempt, len(self._pauses_s)) - 1])

    async def _park(self, connection: Connection, item: SourceItem[E], error: str) -> None:
        async with connection.transaction():
            marks = await checkpoints.lock(connection, self.key, [item.shard])
            items, moved = plan(Batch(items=(item,)), marks, numbered=self._numbered)
            if items:
                await parking.park(connection, self.parker(item.shard), items, error)
                await checkpoints.move(connection, self.key, moved)
            else:  # another process has applied it meanwhile
                await parking.forget_attempts(connection, self.parker(item.shard), [item.seq])
        self._has_moved({**marks, **moved}, 0)
        if not items:
            return
        self._have_parked(1)
        stream = str(item.stream)
        _log.error("event_parked", consumer=self.name, seq=item.seq, stream=stream, tenant=item.tenant, error=error)
        self._parked_in_a_row += 1
        if self._parked_in_a_row >= PARKED_IN_A_ROW:
            raise HandlerBroken(f"{self._parked_in_a_row} events in a row could not be applied; the last: {error}")

    def _by_parker(self, items: Iterable[SourceItem[E]]) -> dict[str, list[SourceItem[E]]]:
        grouped: dict[str, list[SourceItem[E]]] = {}
        for item in items:
            grouped.setdefault(self.parker(item.shard), []).append(item)
        return grouped

    def _has_moved(self, marks: Mapping[int, Mark], applied: int) -> None:
        """Remember the marks as they were committed; another process may have moved them too."""
        self.marks.update(marks)
        self._metrics.applied.labels(self.name).inc(applied)
        self._metrics.position.labels(self.name).set(max(mark.seq for mark in self.marks.values()))
        if not applied:
            return
        self._parked_in_a_row = 0
        if self._committed is not None:
            self._committed()
