"""Setting and cancelling timers inside the caller's transaction."""

from datetime import datetime
from uuid import UUID

from msgspec import Struct

from redress.eventlog.connections import Connection


class Timer(Struct, frozen=True):
    """Something that is to happen to a stream at a time. `kind` is the handler's name for it.

    `attempts` counts the tries to fire it, the current one included. `cause` is the event that set it, None if no
    single event did.
    """

    timer_id: UUID
    tenant_id: str
    stream_id: UUID
    kind: str
    due_at: datetime
    attempts: int = 0
    cause: UUID | None = None


async def schedule(  # noqa: PLR0917 - a timer is these six things
    connection: Connection,
    timer_id: UUID,
    tenant_id: str,
    stream_id: UUID,
    kind: str,
    due_at: datetime,
    *,
    cause: UUID | None = None,
) -> None:
    """Set a timer. Its id derives from what it is for; setting it again moves it as long as it has not fired.

    A timer that was cancelled is set anew; one that has fired stays fired.
    """
    await connection.execute(
        "INSERT INTO es.timer AS t (timer_id, tenant_id, stream_id, kind, due_at, cause_event)"
        " VALUES ($1, $2, $3, $4, $5, $6)"
        " ON CONFLICT (timer_id) DO UPDATE SET due_at = $5, cause_event = $6, state = 'pending', attempts = 0"
        " WHERE t.state <> 'fired' AND t.tenant_id = $2",
        timer_id,
        tenant_id,
        stream_id,
        kind,
        due_at,
        cause,
    )


async def cancel(connection: Connection, timer_id: UUID) -> bool:
    """Whether there was a pending timer to cancel."""
    done = await connection.execute(
        "UPDATE es.timer SET state = 'cancelled' WHERE timer_id = $1 AND state = 'pending'", timer_id
    )
    return done != "UPDATE 0"


async def cancel_all(connection: Connection, tenant_id: str, stream_id: UUID, kind: str | None = None) -> int:
    """Cancel the pending timers of a stream, of one kind or of all. How many there were."""
    done = await connection.execute(
        "UPDATE es.timer SET state = 'cancelled'"
        " WHERE tenant_id = $1 AND stream_id = $2 AND state = 'pending' AND ($3::text IS NULL OR kind = $3)",
        tenant_id,
        stream_id,
        kind,
    )
    return int(done.rpartition(" ")[2])
