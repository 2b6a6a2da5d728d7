"""Reads of one tenant's rows: one snapshot each, so that an answer and the log position it states belong together."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
from msgspec import Struct

from redress.eventlog.connections import Connection

_ACQUIRE_S = 2.0


class Position(Struct, frozen=True):
    """The answer contains everything up to `seq` of the log `epoch`."""

    seq: int
    epoch: str


class TenantReads:
    """Lends connections that see one tenant's rows. The pool has the API's role, for which row security is forced."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    @asynccontextmanager
    async def of(self, tenant_id: str) -> AsyncIterator[Connection]:
        """A connection inside a read-only snapshot of this tenant's rows."""
        async with (
            self._pool.acquire(timeout=_ACQUIRE_S) as connection,
            connection.transaction(isolation="repeatable_read", readonly=True),
        ):
            await connection.execute("SELECT set_config('app.tenant', $1, true)", tenant_id)
            yield connection


async def position(connection: Connection, consumer: str) -> Position:
    """How far a projection of the own log has come, in the caller's snapshot."""
    seq = await connection.fetchval("SELECT coalesce(max(seq), 0) FROM es.consumer WHERE name = $1", consumer)
    epoch = await connection.fetchval("SELECT epoch FROM es.log_head")
    return Position(int(seq), str(epoch))
