"""Builds a projection anew from the first event while the live one goes on serving, and puts the new one in its place.

The same handler fills copies of its tables in the schema `<name>_next` (handlers name tables without a schema), with a
checkpoint of its own. When it has caught up, one transaction exchanges the tables and hands the checkpoint over. The
old tables stay in `<name>_old` until they are dropped on purpose.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Generic, TypeVar

import asyncpg
import structlog
from msgspec import Struct
from msgspec.structs import replace

from redress.messaging.source import Batch, GapNotClosed, Mark, Source, SourceItem
from redress.projections import checkpoints, shadow
from redress.projections.plan import Gap, plan
from redress.projections.projection import Projection, Rebuildable, is_reactor

E = TypeVar("E")

_log = structlog.stdlib.get_logger("redress.projections")

BATCH = 2_000
SWAP_TRIES = 10
SWAP_PAUSE_S = 0.5
SWAP_LOCK_MS = 2_000  # readers wait behind the exchange no longer than this, then it steps back and tries again
LAST_STRETCH_S = 10.0  # the live consumer waits that long for the new tables to get where it is
_ONE_AT_A_TIME = 7_012  # advisory lock


class RebuildRefused(Exception):
    """This cannot be rebuilt; the message says why. Nothing was changed."""


class RebuildFailed(Exception):
    """The new tables could not be filled or exchanged; the live ones are as they were."""


class Progress(Struct, frozen=True):
    """`done` of `total` positions; `rate` in positions per second; `eta_s` None until there is a rate."""

    done: int
    total: int
    rate: float
    eta_s: float | None


class RebuildResult(Struct, frozen=True):
    """`rows` maps each table to its number of rows before and after."""

    position: int
    seconds: float
    rows: Mapping[str, tuple[int, int]]


async def rebuild(
    projection: Projection[E],
    source: Source[E],
    *,
    owner_dsn: str,
    worker_dsn: str,
    progress: Callable[[Progress], None] = lambda _: None,
    batch: int = BATCH,
) -> RebuildResult:
    """Rebuild while the live consumer may be running. `source` is a fresh one of the same log (never a broker's).

    RebuildRefused for a reactor, whose effects must not happen again. RebuildFailed when an event cannot be applied:
    parked events are tried too, and are no longer parked if that works.
    """
    if is_reactor(projection):
        raise RebuildRefused(f"{projection.name} is a reactor: what it did to others must not be done again")
    if not source.numbered:
        raise RebuildRefused(f"{source.service} is another system's topic: nothing says that it still has everything")
    if not isinstance(projection, Rebuildable) or not projection.tables:
        raise RebuildRefused(f"{projection.name} does not name its tables")
    owner = await asyncpg.connect(owner_dsn)
    try:
        if not await owner.fetchval("SELECT pg_try_advisory_lock($1, hashtext($2))", _ONE_AT_A_TIME, projection.name):
            raise RebuildRefused(f"{projection.name} is being rebuilt already")
        async with _worker(worker_dsn, _next(projection.name)) as worker:
            run = _Rebuild(
                projection, projection.tables, source, owner=owner, worker=worker, progress=progress, batch=batch
            )
            return await run.run()
    finally:
        await owner.close()


async def drop_old(projection_name: str, owner_dsn: str) -> bool:
    """Drop the tables that the last rebuild replaced. Whether there were any."""
    owner = await asyncpg.connect(owner_dsn)
    try:
        return await shadow.drop(owner, _old(projection_name))
    finally:
        await owner.close()


class _Rebuild(Generic[E]):
    def __init__(
        self,
        projection: Projection[E],
        tables: Sequence[str],
        source: Source[E],
        *,
        owner: asyncpg.Connection,
        worker: asyncpg.Connection,
        progress: Callable[[Progress], None],
        batch: int,
    ) -> None:
        self._projection = projection
        self._tables = tables
        self._source = source
        self._owner = owner
        self._worker = worker
        self._progress = progress
        self._limit = batch
        self._live = checkpoints.ConsumerKey(projection.name, source.service, source.log)
        self._next = replace(self._live, name=f"{projection.name}@next")
        self._marks: dict[int, Mark] = {}
        self._started = 0.0

    async def run(self) -> RebuildResult:
        self._started = time.monotonic()
        await self._prepare()
        await self._source.open(self._read_marks)
        try:
            await self._catch_up()
            await self._swap()
        finally:
            await self._source.close()
        done = RebuildResult(self._position(), time.monotonic() - self._started, await self._rows())
        _log.info("projection_rebuilt", projection=self._projection.name, position=done.position, rows=dict(done.rows))
        return done

    async def _prepare(self) -> None:
        async with self._owner.transaction():
            await shadow.make_shadows(self._owner, _next(self._projection.name), self._tables)
            await shadow.make_empty(self._owner, _old(self._projection.name))
            await checkpoints.forget(self._owner, self._next)
            await checkpoints.ensure(self._owner, self._next, self._source.shards)
            await checkpoints.ensure(self._owner, self._live, self._source.shards)
        self._marks = dict(await self._read_marks())

    async def _read_marks(self) -> Mapping[int, Mark]:
        return await checkpoints.read(self._worker, self._next)

    async def _catch_up(self) -> None:
        """Apply all there is: while one batch is being applied, the next is read."""
        reading = asyncio.create_task(self._source.fetch(self._marks, self._limit, 0.0))
        try:
            while True:
                batch = await reading
                if not batch.items and not batch.behind:
                    await self._apply(batch)
                    return
                _, moved = self._plan(batch)
                reading = asyncio.create_task(self._source.fetch({**self._marks, **moved}, self._limit, 0.0))
                await self._apply(batch)
                self._report(batch)
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)

    async def _apply(self, batch: Batch[E]) -> None:
        items, moved = self._plan(batch)
        try:
            async with self._worker.transaction():
                if items:
                    await self._projection.apply(self._worker, [item.event for item in items])
                if moved:
                    await checkpoints.move(self._worker, self._next, moved)
        except Exception as failure:
            where = f"between positions {items[0].seq} and {items[-1].seq}" if items else "at the end"
            raise RebuildFailed(f"{self._projection.name} failed {where}: {failure}") from failure
        self._marks.update(moved)

    def _plan(self, batch: Batch[E]) -> tuple[list[SourceItem[E]], dict[int, Mark]]:
        try:
            return plan(batch, self._marks, numbered=self._source.numbered)
        except Gap as gap:
            raise GapNotClosed(gap.shard, gap.after, gap.through) from gap

    async def _swap(self) -> None:
        for _ in range(SWAP_TRIES):
            try:
                async with self._owner.transaction():
                    await self._exchange()
            except (asyncpg.LockNotAvailableError, asyncpg.DeadlockDetectedError):
                await asyncio.sleep(SWAP_PAUSE_S)
            else:
                return
        raise RebuildFailed(f"the tables of {self._projection.name} were in use all the time; try again")

    async def _exchange(self) -> None:
        """Hold the live consumer, go on to where it is, exchange the tables and hand the checkpoint over."""
        await self._owner.execute(f"SET LOCAL lock_timeout = {SWAP_LOCK_MS}")
        live = await checkpoints.lock(self._owner, self._live, self._source.shards)
        deadline = time.monotonic() + LAST_STRETCH_S
        while any(self._marks[shard].seq < mark.seq for shard, mark in live.items()):
            if time.monotonic() > deadline:
                raise RebuildFailed(
                    f"the source of {self._live.label} does not reach as far as the live consumer has come"
                )
            await self._apply(await self._source.fetch(self._marks, self._limit, 1.0))
        await shadow.exchange(
            self._owner, new=_next(self._projection.name), old=_old(self._projection.name), tables=self._tables
        )
        handed_over = {shard: Mark(mark.seq, mark.epoch, live[shard].offset) for shard, mark in self._marks.items()}
        await checkpoints.move(self._owner, self._live, handed_over)
        await checkpoints.forget(self._owner, self._next)
        await self._owner.execute(
            "DELETE FROM es.parked WHERE consumer = $1 AND seq <= $2", self._live.label, self._position()
        )

    async def _rows(self) -> dict[str, tuple[int, int]]:
        rows = {}
        for table in self._tables:
            before = await self._owner.fetchval(f'SELECT count(*) FROM "{_old(self._projection.name)}"."{table}"')
            after = await self._owner.fetchval(f'SELECT count(*) FROM {shadow.LIVE}."{table}"')
            rows[table] = (before, after)
        return rows

    def _position(self) -> int:
        return max(mark.seq for mark in self._marks.values())

    def _report(self, batch: Batch[E]) -> None:
        done = self._position()
        rate = done / max(time.monotonic() - self._started, 0.001)
        behind = batch.behind or 0
        self._progress(Progress(done, done + behind, rate, behind / rate if rate else None))


@asynccontextmanager
async def _worker(dsn: str, schema: str) -> AsyncIterator[asyncpg.Connection]:
    """A session of the worker role for which the new tables come first."""
    connection = await asyncpg.connect(dsn, server_settings={"search_path": f'"{schema}", {shadow.LIVE}, es'})
    try:
        yield connection
    finally:
        await connection.close()


def _next(name: str) -> str:
    return f"{name}_next"


def _old(name: str) -> str:
    return f"{name}_old"
