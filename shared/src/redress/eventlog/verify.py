"""Recompute every chain and the order of the log, and name the first bad position.

Needs only SELECT. Runs in constant memory: streams are read one after the other in version order, the log's order is
checked by the database. It cannot see a superuser who rewrites a whole stream together with its head.
"""

from collections.abc import AsyncIterator, Callable
from uuid import UUID

import asyncpg
from msgspec import Struct

from redress.eventlog.events import RecordedEvent
from redress.eventlog.hashing import FIRST_PREV_HASH, event_hash

PAGE = 5_000


class Finding(Struct, frozen=True):
    """Where the log is not what it was. `seq` is None for an event without a place, or a stream without its events."""

    what: str
    stream_id: UUID | None
    version: int | None
    seq: int | None


class Verification(Struct, frozen=True):
    """The amount that was read, and the first bad position in log order (None: all is as it was written)."""

    events: int
    streams: int
    first_bad: Finding | None
    findings: int


async def verify(connection: asyncpg.Connection, progress: Callable[[int, int], None] | None = None) -> Verification:
    """Check the whole log in one repeatable-read snapshot. `progress` is called with (events done, events in all)."""
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        await connection.execute("SET LOCAL statement_timeout = 0")
        await connection.execute("SET LOCAL transaction_timeout = 0")
        total = await connection.fetchval("SELECT count(*) FROM es.event")
        findings: list[Finding] = []
        events = 0
        async for finding, count in _check_chains(connection):
            events = count
            if finding is not None:
                findings.append(finding)
            if progress is not None:
                progress(count, total)
        findings += await _check_heads(connection)
        findings += await _check_order(connection)
        streams = await connection.fetchval("SELECT count(*) FROM es.stream WHERE version > 0")
    located = sorted(findings, key=lambda f: (f.seq is None, f.seq or 0, f.version or 0))
    return Verification(events, streams, located[0] if located else None, len(findings))


async def _check_chains(connection: asyncpg.Connection) -> AsyncIterator[tuple[Finding | None, int]]:
    """Every event against its predecessor; a finding for the first bad event of each stream, a count now and then."""
    stream: UUID | None = None
    version = 0
    head = FIRST_PREV_HASH
    broken = False
    done = 0
    async for event in _events(connection):
        if event.stream_id != stream:
            stream, version, head, broken = event.stream_id, 0, FIRST_PREV_HASH, False
        done += 1
        if not broken:
            wrong = _wrong(event, version, head)
            if wrong is not None:
                broken = True
                seq = await connection.fetchval(
                    "SELECT l.seq FROM es.log l JOIN es.event e ON e.id = l.id"
                    " WHERE e.stream_id = $1 AND e.version = $2",
                    event.stream_id,
                    event.version,
                )
                yield Finding(wrong, event.stream_id, event.version, seq), done
        version, head = event.version, event.hash
        if done % PAGE == 0:
            yield None, done
    yield None, done


async def _events(connection: asyncpg.Connection) -> AsyncIterator[RecordedEvent]:
    """Every event, stream by stream in version order, a page in memory at a time."""
    cursor = await connection.cursor(
        "SELECT tenant_id, stream_id, stream_type, version, event_id, type, schema_version, payload, meta,"
        " effective_at, recorded_at, prev_hash, hash FROM es.event ORDER BY stream_id, version",
        timeout=None,
    )
    while rows := await cursor.fetch(PAGE, timeout=None):
        for row in rows:
            yield RecordedEvent(*row)


def _wrong(event: RecordedEvent, version: int, head: bytes) -> str | None:
    if event.version != version + 1:
        return f"version {version + 1} is missing: {event.version} follows {version}"
    if event.prev_hash != head:
        return "the event does not continue its predecessor's hash"
    if event_hash(event) != event.hash:
        return "the stored bytes do not give the stored hash"
    return None


async def _check_heads(connection: asyncpg.Connection) -> list[Finding]:
    """Streams whose last event is not the head they remember: a cut-off tail, or events beyond it."""
    rows = await connection.fetch(
        "SELECT s.stream_id, s.version AS expected, t.version AS found FROM es.stream s LEFT JOIN LATERAL"
        " (SELECT e.version, e.hash FROM es.event e WHERE e.stream_id = s.stream_id ORDER BY e.version DESC LIMIT 1) t"
        " ON true WHERE (s.version > 0 OR t.version IS NOT NULL)"
        " AND (t.version IS DISTINCT FROM s.version OR t.hash IS DISTINCT FROM s.head_hash)"
        " ORDER BY s.stream_id LIMIT 1000",
        timeout=None,
    )
    return [
        Finding(
            f"the stream ends at version {row['found'] or 0} but its head says {row['expected']}"
            if row["found"] != row["expected"]
            else "the last event is not the one the stream's head remembers",
            row["stream_id"],
            row["expected"],
            None,
        )
        for row in rows
    ]


async def _check_order(connection: asyncpg.Connection) -> list[Finding]:
    """The log is 1..head without a hole, holds every event once, and never turns a stream's versions round."""
    findings = []
    hole = await connection.fetchval(
        "SELECT min(seq) FROM (SELECT seq, row_number() OVER (ORDER BY seq) AS n FROM es.log) x WHERE seq <> n",
        timeout=None,
    )
    if hole is not None:
        findings.append(Finding(f"the log has a hole before {hole}", None, None, hole))
    head = await connection.fetchval("SELECT seq FROM es.log_head")
    last = await connection.fetchval("SELECT coalesce(max(seq), 0) FROM es.log")
    if head != last:
        findings.append(Finding(f"the log ends at {last} but its head says {head}", None, None, last))
    turned = await connection.fetch(
        "SELECT seq, stream_id, version FROM (SELECT l.seq, e.stream_id, e.version,"
        " lag(e.version, 1, 0::bigint) OVER (PARTITION BY e.stream_id ORDER BY l.seq) AS before"
        " FROM es.log l JOIN es.event e ON e.id = l.id) x WHERE version <= before ORDER BY seq LIMIT 1000",
        timeout=None,
    )
    findings += [Finding("the log has this event before its predecessor", r[1], r[2], r[0]) for r in turned]
    unplaced = await connection.fetch(
        "SELECT e.stream_id, e.version FROM es.event e WHERE NOT EXISTS (SELECT FROM es.log l WHERE l.id = e.id)"
        " AND NOT EXISTS (SELECT FROM es.pending p WHERE p.id = e.id) ORDER BY e.id LIMIT 1000",
        timeout=None,
    )
    findings += [Finding("the event has no place in the log", r[0], r[1], None) for r in unplaced]
    gone = await connection.fetch(
        "SELECT l.seq FROM es.log l WHERE NOT EXISTS (SELECT FROM es.event e WHERE e.id = l.id)"
        " ORDER BY l.seq LIMIT 1000",
        timeout=None,
    )
    findings += [Finding("the log names an event that is gone", None, None, r[0]) for r in gone]
    return findings
