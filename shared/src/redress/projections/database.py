"""A connection of the worker's pool for a while, and the question whose fault a failure was."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg

from redress.eventlog.connections import Connection

ACQUIRE_S = 5.0

# The driver answers with its internal error when the server dies between two of its own operations.
_TROUBLE = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)
_TROUBLE_STATES = {"08", "53", "57", "58"}  # connection, resources, shutdown, the server's own disk
_QUERY_CANCELED = "57014"  # a statement that took too long: that may well be the event
_READ_ONLY = "25006"
_LOCK_TIMEOUT = "55P03"  # another session holds the checkpoint, a rebuild that swaps for instance


class DatabaseGone(Exception):
    """The database cannot work now; nothing is known to be wrong with the event. The supervisor starts again."""


@asynccontextmanager
async def working_on(pool: asyncpg.Pool) -> AsyncIterator[Connection]:
    """A connection. DatabaseGone if there is none, or if what failed inside was the database and not the work."""
    try:
        connection = await pool.acquire(timeout=ACQUIRE_S)
    except _TROUBLE as failure:
        raise DatabaseGone("no connection to the database") from failure
    try:
        yield connection
    except _TROUBLE as failure:
        if is_gone(connection, failure):
            raise DatabaseGone(text_of(failure)) from failure
        raise
    finally:
        await pool.release(connection, timeout=ACQUIRE_S)


def is_gone(connection: Connection, failure: BaseException) -> bool:
    """Whether it was not the event: the connection is lost, or the server as a whole is in trouble."""
    try:
        if connection.is_closed():
            return True
    except asyncpg.InterfaceError:  # the pool has taken the broken connection away already
        return True
    state = getattr(failure, "sqlstate", None) or ""
    return state != _QUERY_CANCELED and (state[:2] in _TROUBLE_STATES or state in {_READ_ONLY, _LOCK_TIMEOUT})


def text_of(failure: BaseException) -> str:
    return f"{type(failure).__name__}: {failure}"
