"""The failures of a database that cannot work now, for any statement. A later retry is then right."""

from typing import Final

import asyncpg

# The server is not there, is going, or takes no connection: whether a statement in flight was committed is open.
UNREACHABLE: Final[tuple[type[Exception], ...]] = (
    OSError,
    TimeoutError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # "another operation is in progress", when the server dies between two of ours
    asyncpg.PostgresConnectionError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.CannotConnectNowError,
    asyncpg.ObjectNotInPrerequisiteStateError,
    asyncpg.TooManyConnectionsError,
)
# It is there and cannot now: statement or lock timeout, disk full, out of memory. Nothing was written.
OVERLOADED: Final[tuple[type[Exception], ...]] = (
    asyncpg.QueryCanceledError,
    asyncpg.LockNotAvailableError,
    asyncpg.InsufficientResourcesError,
)
OUTAGE: Final = (*UNREACHABLE, *OVERLOADED)
# The database works, and chose this transaction to be the one that gives way to another. Nothing was written.
LOST_RACE: Final[tuple[type[Exception], ...]] = (asyncpg.DeadlockDetectedError, asyncpg.SerializationError)
_MOST_CAUSES: Final = 10


def is_outage(failure: BaseException | None) -> bool:
    """Whether the failure, or what caused it, is an outage: libraries wrap what a connection raised."""
    for _ in range(_MOST_CAUSES):
        if failure is None:
            return False
        if isinstance(failure, OUTAGE):
            return True
        failure = failure.__cause__
    return False
