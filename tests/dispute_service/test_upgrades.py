"""A database of an earlier state is brought to the newest one with everything that is in it."""

from datetime import UTC, datetime
from importlib import resources
from pathlib import Path

import asyncpg
import msgspec
from support.databases import MakeDatabase

from redress.eventlog.migrations import upgrade
from redress.ids import derived_uuid

MIGRATIONS = Path(str(resources.files("dispute_service") / "migrations"))
DISPUTE = derived_uuid("test", "dispute")
DAYS = [datetime(2026, 11, day, tzinfo=UTC) for day in (1, 2, 3)]
COLUMNS = (
    "version, status, reason_code, customer_id, owner, team, opened_at, sla_due_at, open_minor, invoice_ids, search"
)
_VALUES = """
VALUES ('demo', $1, $2, $3, 'PRICE', 'C-1', NULL, 'Pricing', '2026-11-01T08:00Z', '2026-11-06T08:00Z', 500, '{R-1,R-2}',
        'dsp_1 c-1 r-1 r-2 pricing', $4
"""
_DOCUMENT = {
    "id": "dsp_1",
    "reason_code": "PRICE",
    "customer_id": "C-1",
    "owner": None,
    "team": "Pricing",
    "opened_at": "2026-11-01T08:00:00Z",
    "sla_due_at": "2026-11-06T08:00:00Z",
}


async def test_lists_of_disputes_now_and_as_known_earlier_keep_what_they_show(make_database: MakeDatabase) -> None:
    database = await make_database("dispute")
    await upgrade(database.owner, MIGRATIONS, "0003")
    connection = await asyncpg.connect(database.superuser)
    try:
        for version, status in enumerate(("open", "assigned"), 1):
            document = msgspec.json.encode(_DOCUMENT | {"status": status, "version": version}).decode()
            await connection.execute(
                f"INSERT INTO read.dispute_history (tenant_id, dispute_id, {COLUMNS}, doc, known_from, known_until)"
                f" {_VALUES}, $5, $6)",
                DISPUTE, version, status, document, DAYS[version - 1], DAYS[1] if version == 1 else None,
            )  # fmt: skip
        await connection.execute(
            f"INSERT INTO read.dispute_current (tenant_id, dispute_id, {COLUMNS}, doc) {_VALUES})",
            DISPUTE, 2, "assigned", document,
        )  # fmt: skip
        now = await connection.fetch(f"SELECT {COLUMNS}, doc FROM read.dispute_current")
        known = f"SELECT {COLUMNS}, known_from, known_until FROM read.dispute_history ORDER BY version"
        then = await connection.fetch(known)
        documents = await connection.fetch("SELECT doc FROM read.dispute_history ORDER BY version")

        await upgrade(database.owner, MIGRATIONS)

        assert await connection.fetch(f"SELECT {COLUMNS}, doc->'dispute' FROM read.dispute_current") == now
        assert await connection.fetch(known) == then
        assert await connection.fetch("SELECT doc->'dispute' FROM read.dispute_history ORDER BY version") == documents
        row = {"open_minor": 300, "invoice_ids": ["R-2"], "search": "r-2"}
        closed = {"row": row, "dispute": _DOCUMENT | {"status": "closed", "owner": "anna"}}
        await connection.execute(
            "SELECT es.write_current('{demo}', ARRAY[$1::uuid], '{dispute}', '{3}', ARRAY[$2::jsonb])",
            DISPUTE,
            msgspec.json.encode(closed).decode(),
        )
        found = await connection.fetch(
            "SELECT stream_id, version, status, owner, open_minor, invoice_ids FROM read.dispute_current"
        )
        assert [tuple(each) for each in found] == [(DISPUTE, 3, "closed", "anna", 300, ["R-2"])]
    finally:
        await connection.close()
