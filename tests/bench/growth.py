"""What becomes of it as the log grows: append, load, the newest page, at 10 thousand to 5 million events."""

import time
from contextlib import AsyncExitStack
from dataclasses import dataclass
from uuid import UUID

from bench.append import OURS
from bench.databases import Stand, settle
from bench.filling import HOW, TENANT, fill_log
from bench.measure import Comparison, Figure, percentile
from bench.subject import ACCOUNT, a_command, a_write
from redress import decider
from redress.eventlog.postgres import PostgresEventLog
from redress.ids import new_uuid

SAMPLES = 1_000


@dataclass(frozen=True)
class _Grown:
    size: int
    log: PostgresEventLog
    streams: list[UUID]


async def growth(stand: Stand, sizes: tuple[int, ...]) -> list[Comparison]:
    """Median microseconds of single calls on logs of each size, taken in turn; ratio to the smallest."""
    async with AsyncExitStack() as stack:
        grown = []
        for size in sizes:
            database = await stand.fresh_log()
            streams = await fill_log(database, size)
            log = await stack.enter_async_context(PostgresEventLog.open(database.api))
            grown.append(_Grown(size, log, streams))
        await settle(stand.cluster.superuser_dsn)
        measured: dict[str, dict[int, list[float]]] = {}
        for number in range(SAMPLES):
            for one in grown:
                for name, seconds in (await _sample(one, number)).items():
                    measured.setdefault(name, {}).setdefault(one.size, []).append(seconds * 1e6)
    return [_compared(name, by_size) for name, by_size in measured.items()]


def _compared(name: str, by_size: dict[int, list[float]]) -> Comparison:
    medians = {size: percentile(taken[SAMPLES // 10 :], 0.5) for size, taken in by_size.items()}
    base = medians[min(medians)]
    figures = {f"{size:,}": Figure(OURS, "us", value, [value], value / base, []) for size, value in medians.items()}
    return Comparison(f"{name}, by size of the log", f"{min(medians):,}", figures, lower_is_better=True, notes=[HOW])


async def _sample(grown: _Grown, number: int) -> dict[str, float]:
    """One call of each kind; the old streams are of every age."""
    log, clock = grown.log, time.perf_counter
    stream = grown.streams[number * len(grown.streams) // SAMPLES]
    times = [clock()]
    await log.append(TENANT, [a_write(new_uuid(), 0)], a_command())
    times.append(clock())
    loaded = await decider.load(log, ACCOUNT, TENANT, stream)
    times.append(clock())
    await log.append(TENANT, [a_write(stream, loaded.version)], a_command())
    times.append(clock())
    await log.read_log(grown.size - 100, 100)
    times.append(clock())
    names = ("append to a new stream", "load", "append to an old stream", "newest page of 100")
    return {name: after - before for name, before, after in zip(names, times, times[1:], strict=False)}
