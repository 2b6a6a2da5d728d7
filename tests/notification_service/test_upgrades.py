"""A database of an earlier state is brought to the newest one with everything that is in it."""

from importlib import resources
from pathlib import Path

import asyncpg
import msgspec
from support.databases import MakeDatabase
from support.notification_examples import DISPUTE, EVENT, NOON

from notification_service.notices.notice import Subject
from notification_service.notifications.document import NotificationDocument
from redress.eventlog.migrations import upgrade
from redress.ids import derived_uuid

MIGRATIONS = Path(str(resources.files("notification_service") / "migrations"))
STREAM = derived_uuid("test", "notification")
_DOCUMENT = {
    "cause": EVENT, "cause_type": "dispute-opened", "cause_version": 1, "cause_at": NOON, "dispute_id": DISPUTE,
    "rule": "acknowledgement-to-customer", "policy": "notice-rules@1", "template": "acknowledgement",
    "channel": "email", "recipient": "customer:C-100", "status": "skipped", "attempts": 0, "reason": "no_contact",
    "explanation": "no contact", "due_at": None, "message_id": None, "server_code": None, "person": None,
    "address": None,
}  # fmt: skip


async def test_what_was_about_a_dispute_is_about_a_subject_that_is_a_dispute(make_database: MakeDatabase) -> None:
    database = await make_database("notification")
    await upgrade(database.owner, MIGRATIONS, "0003")
    connection = await asyncpg.connect(database.superuser)
    try:
        await connection.execute(
            "INSERT INTO read.notification_current"
            " (notification_id, tenant_id, version, dispute_id, cause, cause_at, recipient, status, due_at, doc)"
            " VALUES ($1, 'demo', 1, $2, $3, $4, 'customer:C-100', 'skipped', $4, $5::jsonb)",
            STREAM,
            DISPUTE,
            EVENT,
            NOON,
            msgspec.json.encode(_DOCUMENT).decode(),
        )
        await connection.execute(
            "INSERT INTO read.heard_event"
            " (tenant_id, event_id, type, dispute_id, version, effective_at, recorded_at)"
            " VALUES ('demo', $1, 'dispute-opened', $2, 1, $3, $3)",
            EVENT,
            DISPUTE,
            NOON,
        )
        await upgrade(database.owner, MIGRATIONS)
        (row,) = await connection.fetch(
            "SELECT subject_type, subject_id, doc::text AS doc FROM read.notification_current"
        )
        assert (row["subject_type"], row["subject_id"]) == ("dispute", DISPUTE)
        document = msgspec.json.decode(row["doc"], type=NotificationDocument)
        assert (document.subject, document.reason) == (Subject("dispute", DISPUTE), "no_contact")
        (received,) = await connection.fetch("SELECT source, subject_type, subject_id FROM read.heard_event")
        assert tuple(received) == ("dispute-service", "dispute", DISPUTE)
    finally:
        await connection.close()
