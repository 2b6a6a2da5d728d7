"""A connection on which one tenant's rows can be read, and no other's: row-level security is told whose they are."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg

from redress.projections.projection import Connection

ACQUIRE_S = 2.0


@asynccontextmanager
async def reading(pool: asyncpg.Pool, tenant_id: str) -> AsyncIterator[Connection]:
    """One snapshot of one tenant."""
    async with (
        pool.acquire(timeout=ACQUIRE_S) as connection,
        connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        await connection.execute("SELECT set_config('app.tenant', $1, true)", tenant_id)
        yield connection
