"""Large logs in seconds: made inside the database, set by set, with the ids, hashes and places that appends give them.

`verify` accepts such a log (the benchmark of `verify` runs on one). What is measured afterwards is never this.
"""

import asyncio
from collections.abc import Sequence
from uuid import UUID

import asyncpg
from support.databases import Database

from bench.peers import Eventsourcing
from bench.subject import ACCOUNT, EFFECTIVE, META_BYTES, PAYLOAD, STORED_AS
from redress.ids import new_uuid

TENANT = "acme"
STREAM = 20  # events of a stream: about what a dispute gets
HOW = "the log was filled inside the database, each stream with its hash chain, by two connections"
CONNECTIONS = 2

Life = Sequence[tuple[str, int, bytes]]
"""What happens in each stream: stored type, schema version and payload of its events."""

LIFE: Life = [(*STORED_AS, PAYLOAD)] * STREAM

_EVENTS_AT_A_TIME = 100_000
_KEPT = 1_000  # of the streams of a log are told to the caller, old and new ones

# One event after the other of each stream: what es.append does, for all streams of a chunk together.
_CHAINS = """
WITH RECURSIVE chain AS (
  SELECT stream_id, 1::bigint AS version, f.event_id, r.recorded_at, ''::bytea AS prev_hash,
         es.event_hash('', stream_id, 1, f.event_id, $2, $3, ($4::text[])[1], ($5::int[])[1], $6,
                       r.recorded_at, ($7::bytea[])[1], $8) AS hash
  FROM unnest($1::uuid[]) AS stream_id,
       LATERAL (SELECT uuidv7() AS event_id, stream_id AS of_stream OFFSET 0) AS f,
       (SELECT clock_timestamp() AS recorded_at) AS r
  UNION ALL
  SELECT c.stream_id, c.version + 1, f.event_id, r.recorded_at, c.hash,
         es.event_hash(c.hash, c.stream_id, c.version + 1, f.event_id, $2, $3, $4[c.version + 1], $5[c.version + 1],
                       $6, r.recorded_at, $7[c.version + 1], $8)
  FROM chain c,
       LATERAL (SELECT uuidv7() AS event_id, c.stream_id AS of_stream OFFSET 0) AS f,
       LATERAL (SELECT c.recorded_at + interval '1 microsecond' AS recorded_at) AS r
  WHERE c.version < cardinality($4)
), added AS (
  INSERT INTO es.event (stream_id, version, event_id, tenant_id, stream_type, type, schema_version, effective_at,
                        recorded_at, prev_hash, hash, meta, payload)
  SELECT stream_id, version, event_id, $2, $3, $4[version], $5[version], $6, recorded_at, prev_hash, hash, $8,
         $7[version]
  FROM chain ORDER BY stream_id, version
)
INSERT INTO es.stream (stream_id, tenant_id, stream_type, version, head_hash, last_recorded_at)
SELECT stream_id, $2, $3, version, hash, recorded_at FROM chain WHERE version = cardinality($4) ORDER BY stream_id
"""
_PLACES = """
INSERT INTO es.log (seq, id, tenant_id)
SELECT row_number() OVER (ORDER BY e.id), e.id, e.tenant_id FROM es.event e ORDER BY e.id
"""


async def fill_log(database: Database, events: int, kind: str = ACCOUNT.stream_type, life: Life = LIFE) -> list[UUID]:
    """An empty log gets so many events. Some of its streams, from the oldest to the newest."""
    left = events // len(life)
    names, schema_versions, payloads = map(list, zip(*life, strict=True))
    streams: list[UUID] = []

    async def writer() -> None:
        nonlocal left
        connection = await asyncpg.connect(database.superuser)
        try:
            await connection.execute("SET synchronous_commit = off")
            while left > 0:
                chunk = [new_uuid() for _ in range(min(_EVENTS_AT_A_TIME // len(life), left))]
                left -= len(chunk)
                streams.extend(chunk)
                await connection.execute(
                    _CHAINS, chunk, TENANT, kind, names, schema_versions, EFFECTIVE, payloads, META_BYTES
                )
        finally:
            await connection.close()

    await asyncio.gather(*(writer() for _ in range(CONNECTIONS)))
    connection = await asyncpg.connect(database.superuser)
    try:
        async with connection.transaction():
            await connection.execute(_PLACES)
            await connection.execute("UPDATE es.log_head SET seq = $1", len(streams) * len(life))
        await connection.execute("VACUUM ANALYZE es.event, es.log, es.stream")
    finally:
        await connection.close()
    return streams[:: max(1, len(streams) // _KEPT)]


async def fill_peer(dsn: str, events: int) -> None:
    """The same for a log of `eventsourcing`: its first event of each stream opens the account."""
    peer = Eventsourcing(dsn)
    table, opened, assessed = peer.stored
    peer.close()
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(
            f"INSERT INTO {table} (originator_id, originator_version, topic, state)"
            " SELECT s.id, v, CASE v WHEN 1 THEN $3 ELSE $5 END, CASE v WHEN 1 THEN $4::bytea ELSE $6 END"
            " FROM (SELECT uuidv7() AS id FROM generate_series(1, $1::int) OFFSET 0) AS s,"
            "      generate_series(1, $2::int) AS v"
            " ORDER BY s.id, v",
            events // STREAM,
            STREAM,
            *opened,
            *assessed,
        )
        await connection.execute(f"VACUUM ANALYZE {table}")
    finally:
        await connection.close()
