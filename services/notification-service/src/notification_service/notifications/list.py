"""Which notifications there are, newest event first."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import asyncpg
import msgspec
from msgspec import Struct

from notification_service.notices.notice import Subject
from notification_service.notifications.document import NotificationDocument
from redress.eventlog.connections import Connection

_decoder = msgspec.json.Decoder(NotificationDocument)
_COLUMNS = "stream_id, tenant_id, version, doc::text AS doc"


class NotificationRow(Struct, frozen=True, kw_only=True):
    """A notification as it is now."""

    notification_id: UUID
    tenant_id: str
    version: int
    now: NotificationDocument


class NotificationFilter(Struct, frozen=True, kw_only=True):
    """None: not asked for. `dispute_id` is the same as a subject of type `dispute`."""

    dispute_id: str | None = None
    subject_type: str | None = None
    subject_id: str | None = None
    status: str | None = None
    event_id: str | None = None


class DueNotification(Struct, frozen=True):
    """A notification whose turn has come."""

    tenant_id: str
    notification_id: UUID
    subject: Subject


async def page(
    connection: Connection, tenant_id: str, filters: NotificationFilter, after: tuple[datetime, UUID] | None, limit: int
) -> list[NotificationRow]:
    """At most `limit` rows after a position (time of the event, id), newest first."""
    rows = await connection.fetch(
        f"SELECT {_COLUMNS} FROM notification_current WHERE tenant_id = $1"
        " AND ($2::text IS NULL OR subject_type = $2) AND ($3::text IS NULL OR subject_id = $3)"
        " AND ($4::text IS NULL OR status = $4) AND ($5::text IS NULL OR cause = $5)"
        " AND ($6::text IS NULL OR (subject_type = 'dispute' AND subject_id = $6))"
        " AND ($7::timestamptz IS NULL OR (cause_at, stream_id) < ($7, $8::uuid))"
        " ORDER BY cause_at DESC, stream_id DESC LIMIT $9",
        tenant_id,
        filters.subject_type,
        filters.subject_id,
        filters.status,
        filters.event_id,
        filters.dispute_id,
        None if after is None else after[0],
        None if after is None else after[1],
        limit,
    )
    return [_row(row) for row in rows]


async def about(
    connection: Connection, tenant_id: str, event_id: str, recipients: Sequence[str] | None
) -> list[NotificationRow]:
    """The notifications about one event; of given recipients (by name or by person) or, with None, of all."""
    rows = await connection.fetch(
        f"SELECT {_COLUMNS} FROM notification_current WHERE tenant_id = $1 AND cause = $2"
        " AND ($3::text[] IS NULL OR recipient = ANY($3) OR person = ANY($3)) ORDER BY stream_id LIMIT 200",
        tenant_id,
        event_id,
        recipients,
    )
    return [_row(row) for row in rows]


async def due_notifications(connection: Connection, now: datetime, limit: int) -> list[DueNotification]:
    """Of all tenants: what waits to be sent, and what a sender has held for too long. Oldest first."""
    rows = await connection.fetch(
        "SELECT tenant_id, stream_id, subject_type, subject_id FROM notification_current"
        " WHERE status IN ('queued', 'sending') AND due_at <= $1 ORDER BY due_at, cause_at, stream_id LIMIT $2",
        now,
        limit,
    )
    return [
        DueNotification(row["tenant_id"], row["stream_id"], Subject(row["subject_type"], row["subject_id"]))
        for row in rows
    ]


def _row(row: asyncpg.Record) -> NotificationRow:
    return NotificationRow(
        notification_id=row["stream_id"],
        tenant_id=row["tenant_id"],
        version=row["version"],
        now=_decoder.decode(row["doc"]),
    )
