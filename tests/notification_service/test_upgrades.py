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
NOTIFICATION, ENTRY = derived_uuid("test", "notification"), derived_uuid("test", "entry")
CAUSE_AT = "2026-11-01T08:00:00Z"
_NOTIFICATION = """
INSERT INTO read.notification_current
  (tenant_id, notification_id, version, subject_type, subject_id, cause, cause_at, recipient, person, status, due_at,
   doc)
VALUES ('demo', $1, 1, 'dispute', 'dsp_1', 'evt_1', $2::text::timestamptz, 'anna', NULL, 'queued',
        $2::text::timestamptz, $3)
"""
_ENTRY = """
INSERT INTO read.directory_current (tenant_id, entry_id, stream_id, version, lead, doc)
VALUES ('demo', 'team:pricing', $1, 1, 'anna', '{"entry_id": "team:pricing", "lead": "anna"}')
"""
_WRITE = """
SELECT es.write_current('{demo,demo}', ARRAY[$1::uuid, $2::uuid], '{notification,directory-entry}', '{2,2}',
                        ARRAY[$3::jsonb, '{"entry_id": "team:pricing", "lead": "ben"}'])
"""


async def test_notifications_and_the_directory_keep_their_columns_and_are_written_on(
    make_database: MakeDatabase,
) -> None:
    database = await make_database("notification")
    await upgrade(database.owner, MIGRATIONS, "0004")
    connection = await asyncpg.connect(database.superuser)
    document = {"subject": {"type": "dispute", "id": "dsp_1"},
                "cause": "evt_1", "cause_at": CAUSE_AT, "recipient": "anna", "person": None,
                "status": "queued", "due_at": None}  # fmt: skip
    try:
        await connection.execute(_NOTIFICATION, NOTIFICATION, CAUSE_AT, msgspec.json.encode(document).decode())
        await connection.execute(_ENTRY, ENTRY)
        notifications = await connection.fetch("SELECT * FROM read.notification_current")
        entries = await connection.fetch("SELECT * FROM read.directory_current")

        await upgrade(database.owner, MIGRATIONS)

        after = await connection.fetch("SELECT * FROM read.notification_current")
        assert [tuple(row) for row in after] == [tuple(row) for row in notifications]
        assert await connection.fetch("SELECT * FROM read.directory_current") == entries
        later = document | {"status": "sending", "due_at": "2026-11-01T09:00:00Z", "person": "p-1"}
        await connection.execute(_WRITE, NOTIFICATION, ENTRY, msgspec.json.encode(later).decode())
        found = await connection.fetchrow(
            "SELECT stream_id, version, status, person, due_at - cause_at = interval '1 hour' FROM"
            " read.notification_current"
        )
        assert found is not None
        assert tuple(found) == (NOTIFICATION, 2, "sending", "p-1", True)
        leads = await connection.fetch("SELECT version, lead FROM read.directory_current")
        assert [tuple(row) for row in leads] == [(2, "ben")]
    finally:
        await connection.close()


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
            NOTIFICATION,
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
