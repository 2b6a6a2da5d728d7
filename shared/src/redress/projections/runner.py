"""Keeps one handler following one source: fetch, apply, acknowledge, and repair what a broker did not deliver."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Generic, NoReturn, TypeVar
from uuid import UUID

import asyncpg
import structlog
from msgspec import Struct
from prometheus_client import CollectorRegistry

from redress.failpoints import failpoint
from redress.messaging.source import Batch, ConsumerHalted, GapNotClosed, Source
from redress.ops.run_until_stopped import run_until_stopped
from redress.projections.applying import ATTEMPTS, PAUSES_S, Applier
from redress.projections.metrics import ConsumerMetrics
from redress.projections.plan import Gap
from redress.projections.projection import Projection
from redress.projections.unparking import Unparking

E = TypeVar("E")

_log = structlog.stdlib.get_logger("redress.projections")

FIRST_BATCH = 100  # one by one that is half a second
BATCH = 500  # large enough that the commit is shared, small enough that a failing one is soon taken apart
POLL_S = 20.0  # below the feed's 30 s


class UnparkingResult(Struct, frozen=True):
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
        self._metrics = metrics or ConsumerMetrics(CollectorRegistry())
        self._applier = Applier(
            pool,
            projection,
            source,
            metrics=self._metrics,
            committed=committed,
            attempts=attempts,
            pauses_s=pauses_s,
        )
        self.name = self._applier.name
        self.parkers = self._applier.parkers  # its names in es.parked
        self._unparking = Unparking(pool, projection, source, key=self._applier.key, parkers=self.parkers)
        self._source = source
        self._committed = committed
        self._limit = batch
        self._careful = True

    async def run(self, stop: asyncio.Event) -> None:
        """Follow the source until `stop`. ConsumerHalted when going on would be wrong; DatabaseGone, SourceUnavailable
        when it should be run again after a while."""
        await run_until_stopped(stop, self._follow())

    async def _follow(self) -> NoReturn:
        try:
            await self.open()
            while True:
                await self.step(POLL_S)
                await self._applier.recount_parked()
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
        await self._applier.start()
        await self._source.open(self._applier.read_marks)

    async def close(self) -> None:
        await self._source.close()

    async def step(self, timeout_s: float) -> int:
        """Take what the source has, waiting at most `timeout_s` for it. How many events came."""
        limit = min(FIRST_BATCH, self._limit) if self._careful else self._limit
        batch = await self._source.fetch(self._applier.marks, limit, timeout_s)
        if batch.items or self._applier.moves(batch):
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

    async def unpark(self, stream: UUID | None = None) -> UnparkingResult:
        """Apply parked events again, in order, of one stream or of all. A stream that fails again stays parked."""
        applied = 0
        for each in [stream] if stream is not None else await self._unparking.streams():
            applied += await self._unparking.release(each)
        if applied and self._committed is not None:
            self._committed()
        return UnparkingResult(applied, await self._applier.show_parked())

    async def event_at(self, shard: int, seq: int) -> E:
        """A single event again, to be looked at. SourceError if it cannot be had."""
        return (await self._source.one(shard, seq)).event

    async def _take(self, batch: Batch[E]) -> None:
        repaired: Gap | None = None
        while True:
            try:
                await self._apply(batch)
                break
            except Gap as gap:
                if repaired is not None and (repaired.shard, repaired.after) == (gap.shard, gap.after):
                    raise GapNotClosed(gap.shard, gap.after, gap.through) from gap
                await self._repair(gap)
                repaired = gap
        await failpoint("consumer.before_hint", self.name)
        await self._source.applied(batch)

    async def _apply(self, batch: Batch[E]) -> None:
        if not self._careful:
            await self._applier.apply(batch)
            return
        await self._applier.apply_one_by_one(batch)
        self._careful = not batch.items

    async def _repair(self, gap: Gap) -> None:
        """Fetch what a broker did not deliver from where it was published."""
        _log.error("gap_found", consumer=self.name, shard=gap.shard, after=gap.after, through=gap.through)
        missing = await self._source.missing(gap.shard, gap.after, gap.through)
        for start in range(0, len(missing), self._limit):
            await self._apply(Batch(items=missing[start : start + self._limit]))
        await self._applier.apply(Batch(since=gap.after, reached={gap.shard: gap.through}))
        self._metrics.gaps.labels(self.name).inc()
