"""A read of one tenant's rows: one snapshot, so that the answer and the log position it states belong together."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime

import asyncpg
from msgspec import Struct

Connection = asyncpg.Connection | asyncpg.pool.PoolConnectionProxy

_ACQUIRE_S = 2.0
_END_OF_TIME = datetime.max.replace(tzinfo=UTC)


KNOWN_TERMS = "t.recorded_at <= {recorded_by} AND (t.superseded_at IS NULL OR t.superseded_at > {recorded_by})"
"""Of the rows `t` of an invoice in `invoice_terms`, the one that was known at an instant."""


class Position(Struct, frozen=True):
    """The answer holds everything up to `seq` of the log `epoch`."""

    seq: int
    epoch: str


class Moment(Struct, frozen=True):
    """What is asked about: the end of the business day `as_of`, with what was known at `asked_known_at`.

    None is everything that is recorded, whatever this machine's clock says compared with the database's.
    """

    as_of: date
    asked_known_at: datetime | None
    now: datetime

    @property
    def known_at(self) -> datetime:
        """What the answer states: asking for this instant again gives the same answer."""
        return self.asked_known_at or self.now

    @property
    def recorded_by(self) -> datetime:
        """What the rows are compared with."""
        return self.asked_known_at or _END_OF_TIME


@asynccontextmanager
async def reading(pool: asyncpg.Pool, tenant_id: str) -> AsyncIterator[Connection]:
    """A connection inside a read-only snapshot of this tenant's rows."""
    async with (
        pool.acquire(timeout=_ACQUIRE_S) as connection,
        connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        await connection.execute("SELECT set_config('app.tenant', $1, true)", tenant_id)
        yield connection


async def position(connection: Connection, projection: str) -> Position:
    """How far the projection has come."""
    seq = await connection.fetchval("SELECT coalesce(max(seq), 0) FROM es.consumer WHERE name = $1", projection)
    epoch = await connection.fetchval("SELECT epoch FROM es.log_head")
    return Position(int(seq), str(epoch))
