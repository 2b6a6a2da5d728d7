"""Where a unit of work reads its streams: what is committed, or what a transaction sees."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from uuid import UUID

import asyncpg

from redress.eventlog.events import Fact
from redress.eventlog.log import EventLog
from redress.projections.projection import Connection

Streams = Mapping[UUID, Sequence[Fact]]
ReadStreams = Callable[[Sequence[UUID]], Awaitable[Streams]]


def read_from(log: EventLog, tenant_id: str) -> ReadStreams:
    """Streams as they are committed."""

    async def read(stream_ids: Sequence[UUID]) -> Streams:
        return (await log.look(tenant_id, None, dict.fromkeys(stream_ids, 0))).facts

    return read


_ON_CONNECTION = """
SELECT e.stream_id, e.version, e.type, e.schema_version, e.payload
FROM es.event e WHERE e.tenant_id = $1 AND e.stream_id = ANY ($2) ORDER BY e.stream_id, e.version
"""


def read_on(connection: Connection | asyncpg.Connection, tenant_id: str) -> ReadStreams:
    """Streams as this transaction sees them, its own appends included: for reactors."""

    async def read(stream_ids: Sequence[UUID]) -> Streams:
        streams: dict[UUID, list[Fact]] = {stream_id: [] for stream_id in stream_ids}
        for stream_id, *fact in await connection.fetch(_ON_CONNECTION, tenant_id, list(stream_ids)):
            streams[stream_id].append(tuple(fact))
        return streams

    return read
