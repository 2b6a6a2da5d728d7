"""I8, I10, I13, I14: consumers go forward only, timers ring once and in time, memory is bounded, all comes to rest."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import timedelta
from statistics import median
from typing import Protocol

from faults.audit.report import Finding
from faults.audit.world import World
from faults.history import AnyLine, Checkpoint, DrainReport, FaultsOver, Measurement

DRAINED_WITHIN_S = 60.0
LATE_AFTER_FAULTS_S = 60.0
MOST_MEMORY = 512 * 1024 * 1024
MOST_FILES = 400
# Memory: what a process remembers has its bounds, which are reached in its first minutes. From then on it may not grow:
# the median of the last third of its life against that of the first one.
WARM_AFTER_S = 120.0
SHORTEST_LIFE_S = 240.0
GROWTH = 1.1


async def bounds_rules(world: World) -> list[Finding]:
    findings = [_forward(world), *bounded(world), _at_rest(world)]
    for service in world.databases:
        findings += [await _nothing_parked(world, service), await _timers(world, service)]
    return findings


def _forward(world: World) -> Finding:
    finding = Finding("I8", "all", "no checkpoint ever moved back")
    last: dict[tuple[str, str, int], int] = {}
    for line in world.history():
        if isinstance(line, Checkpoint):
            key = (line.service, line.consumer, line.shard)
            before = last.get(key, 0)
            finding.must(
                line.seq >= before, f"{line.service} {line.consumer}/{line.shard} went from {before} to {line.seq}"
            )
            last[key] = line.seq
    return finding


async def _nothing_parked(world: World, service: str) -> Finding:
    finding = Finding("I8", service, "no event was given up, and no consumer is ahead of the log it follows")
    rows = await world.rows(
        service, "SELECT consumer, seq, stream_id, error FROM es.parked WHERE parked_at IS NOT NULL LIMIT 20"
    )
    for row in rows:
        finding.violated(f"{row['consumer']} parked it: {row['error'][:200]}", stream=row["stream_id"], seq=row["seq"])
    own = await world.rows(
        service,
        "SELECT c.name, c.seq, h.seq AS head FROM es.consumer c JOIN es.log_head h USING (service, log)",
    )
    for row in own:
        finding.must(row["seq"] <= row["head"], f"{row['name']} is at {row['seq']} of {row['head']}")
    return finding


async def _timers(world: World, service: str) -> Finding:
    finding = Finding("I10", service, "every timer rang at most once, never early, and none was lost")
    rows = await world.rows(
        service, "SELECT timer_id, stream_id, due_at, state, fired_at, es.now() AS now FROM es.timer"
    )
    over = [line.at for line in world.history() if isinstance(line, FaultsOver)]
    for row in rows:
        early = row["fired_at"] is not None and row["fired_at"] < row["due_at"]
        finding.must(not early, "it rang before it was due", stream=row["stream_id"])
        if row["state"] != "pending" or row["due_at"] >= row["now"]:
            continue
        waited = (row["now"] - row["due_at"]).total_seconds()
        calm = row["now"].timestamp() - over[-1] if over else waited
        if min(waited, calm) > LATE_AFTER_FAULTS_S:
            finding.violated(
                f"it is due since {timedelta(seconds=round(waited))} and has not rung", stream=row["stream_id"]
            )
    if service == "dispute":
        for row in await world.rows(
            service,
            "SELECT stream_id, convert_from(payload, 'UTF8')::jsonb->>'due_at' AS due, count(*) AS n FROM es.event"
            " WHERE type = 'sla-breached' GROUP BY 1, 2 HAVING count(*) > 1",
        ):
            finding.violated(f"the promise of {row['due']} was broken {row['n']} times", stream=row["stream_id"])
    return finding


class HasHistory(Protocol):
    def history(self) -> Iterator[AnyLine]: ...


def bounded(world: HasHistory) -> list[Finding]:
    memory = Finding("I13", "processes", f"memory under {MOST_MEMORY >> 20} MB, open files under {MOST_FILES}")
    flat = Finding(
        "I13", "processes", f"memory of a life of {SHORTEST_LIFE_S:.0f} s or more is flat after {WARM_AFTER_S:.0f} s"
    )
    lives: dict[tuple[str, int], list[Measurement]] = defaultdict(list)
    for line in world.history():
        if isinstance(line, Measurement):
            lives[line.process, line.pid].append(line)
    for (process, pid), samples in lives.items():
        most = max(sample.rss_bytes for sample in samples)
        files = max(sample.open_files for sample in samples)
        memory.must(most <= MOST_MEMORY, f"{process} ({pid}) used {most >> 20} MB")
        memory.must(files <= MOST_FILES, f"{process} ({pid}) had {files} files open")
        if samples[-1].at - samples[0].at >= SHORTEST_LIFE_S:
            warm = [sample.rss_bytes for sample in samples if sample.at - samples[0].at >= WARM_AFTER_S]
            first, last = median(warm[: len(warm) // 3]), median(warm[-(len(warm) // 3) :])
            flat.must(last <= first * GROWTH, f"{process} ({pid}) grew from {first / 1e6:.0f} to {last / 1e6:.0f} MB")
    return [memory, flat]


def _at_rest(world: World) -> Finding:
    finding = Finding("I14", "all", f"everything came to rest within {DRAINED_WITHIN_S:.0f} s of the last fault")
    for line in world.history():
        if isinstance(line, DrainReport):
            finding.must(not line.waiting, f"after {line.seconds:.0f} s: {line.waiting}")
            if not line.waiting and line.seconds > DRAINED_WITHIN_S:
                finding.violated(f"it took {line.seconds:.0f} s")
    return finding
