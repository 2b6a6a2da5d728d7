"""I3, I4, I5, I11, I17: what must be true of every service's log, asked of its tables directly."""

from faults.audit.report import Finding
from faults.audit.world import World
from redress.eventlog.verify import verify


async def log_rules(world: World) -> list[Finding]:
    findings = []
    for service in world.databases:
        findings += [
            await _versions(world, service),
            await _order(world, service),
            await _stream_order(world, service),
            await _chains(world, service),
            await _causes(world, service),
        ]
    return findings


async def _versions(world: World, service: str) -> Finding:
    finding = Finding("I3", service, "the versions of every stream are 1 to n, without hole or double")
    rows = await world.rows(
        service,
        "SELECT s.stream_id, s.version AS said, count(e.version) AS n, min(e.version) AS first, max(e.version) AS last"
        " FROM es.stream s LEFT JOIN es.event e USING (stream_id) GROUP BY s.stream_id, s.version",
    )
    finding.look(len(rows))
    for row in rows:
        if row["said"] == 0 and row["n"] == 0:
            continue
        if (row["first"], row["last"], row["n"]) != (1, row["said"], row["said"]):
            finding.violated(
                f"{row['n']} events, versions {row['first']} to {row['last']}, while its head says {row['said']}",
                stream=row["stream_id"],
            )
    return finding


async def _order(world: World, service: str) -> Finding:
    finding = Finding("I4", service, "the log is 1 to N, has every event once, and nothing waits for a place")
    row = (
        await world.rows(
            service,
            "SELECT (SELECT count(*) FROM es.event) AS events, (SELECT count(*) FROM es.log) AS placed,"
            " (SELECT coalesce(min(seq), 1) FROM es.log) AS first, (SELECT coalesce(max(seq), 0) FROM es.log) AS last,"
            " (SELECT seq FROM es.log_head) AS head, (SELECT count(*) FROM es.pending) AS pending,"
            " (SELECT count(DISTINCT id) FROM es.log) AS ids",
        )
    )[0]
    finding.look(row["events"])
    if row["pending"]:
        finding.violated(f"{row['pending']} events have no place yet")
    if (row["first"], row["last"], row["placed"]) != (1, row["head"], row["head"]):
        hole = await world.value(
            service,
            "SELECT min(seq) FROM (SELECT seq, row_number() OVER (ORDER BY seq) n FROM es.log) x WHERE seq <> n",
        )
        finding.violated(f"{row['placed']} places up to {row['last']}, while the head says {row['head']}", seq=hole)
    if row["ids"] != row["placed"]:
        finding.violated("an event stands at two places")
    lost = await world.rows(
        service,
        "SELECT e.stream_id, e.version FROM es.event e WHERE NOT EXISTS (SELECT FROM es.log l WHERE l.id = e.id)"
        " AND NOT EXISTS (SELECT FROM es.pending p WHERE p.id = e.id) ORDER BY e.id LIMIT 20",
    )
    for each in lost:
        finding.violated("a stored event has no place and is not waiting for one", stream=each[0], version=each[1])
    return finding


async def _stream_order(world: World, service: str) -> Finding:
    finding = Finding("I5", service, "the log never turns a stream's versions round")
    rows = await world.rows(
        service,
        "SELECT seq, stream_id, version FROM (SELECT l.seq, e.stream_id, e.version,"
        " row_number() OVER (PARTITION BY e.stream_id ORDER BY l.seq) AS expected"
        " FROM es.log l JOIN es.event e ON e.id = l.id) x WHERE version <> expected ORDER BY seq LIMIT 20",
    )
    finding.look(await world.value(service, "SELECT count(*) FROM es.log"))
    for seq, stream, version in rows:
        finding.violated("the log has this version out of turn", stream=stream, version=version, seq=seq)
    return finding


async def _chains(world: World, service: str) -> Finding:
    finding = Finding("I11", service, "every hash chain can be recomputed from the stored bytes")
    found = await verify(world.databases[service])
    finding.look(found.events)
    if found.first_bad is not None:
        bad = found.first_bad
        finding.violated(bad.what, stream=bad.stream_id, version=bad.version, seq=bad.seq)
        finding.wrong = found.findings
    return finding


async def _causes(world: World, service: str) -> Finding:
    finding = Finding("I17", service, "every event says who, by which command, in which matter, and when")
    rows = await world.rows(
        service,
        "SELECT e.stream_id, e.version, convert_from(e.meta, 'UTF8') AS meta FROM es.event e,"
        " LATERAL (SELECT convert_from(e.meta, 'UTF8')::jsonb AS m) x WHERE coalesce(m->'actor'->>'id', '') = ''"
        " OR coalesce(m->'actor'->>'kind', '') = '' OR coalesce(m->>'command_id', '') = ''"
        " OR coalesce(m->>'correlation_id', '') = '' OR e.recorded_at IS NULL OR e.effective_at IS NULL LIMIT 20",
    )
    finding.look(await world.value(service, "SELECT count(*) FROM es.event"))
    for row in rows:
        finding.violated(f"its metadata are {row['meta'][:200]}", stream=row["stream_id"], version=row["version"])
    return finding
