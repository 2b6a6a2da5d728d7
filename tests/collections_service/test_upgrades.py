"""A database of an earlier state is brought to the newest one with everything that is in it."""

from datetime import UTC, date, datetime
from importlib import resources
from pathlib import Path

import asyncpg
import msgspec
from support.databases import MakeDatabase

from redress.eventlog.migrations import upgrade
from redress.ids import derived_uuid

MIGRATIONS = Path(str(resources.files("collections_service") / "migrations"))
ITEM, OTHER = derived_uuid("test", "item"), derived_uuid("test", "other")
_KNOWN = """
INSERT INTO read.invoice_terms
  (tenant_id, item, seq, invoice_id, customer_id, legal_entity, currency, issued_on, due_on, recorded_at)
VALUES ('demo', $1, $2, 'R-1', 'C-1', 'DE01', 'EUR', '2026-10-01', '2026-10-31', $3)
"""


async def test_dates_of_invoices_that_were_corrected_earlier_are_known_until_the_next_correction(
    make_database: MakeDatabase,
) -> None:
    database = await make_database("collections")
    await upgrade(database.owner, MIGRATIONS, "0002")
    connection = await asyncpg.connect(database.superuser)
    try:
        days = [datetime(2026, 11, day, tzinfo=UTC) for day in (1, 2, 3)]
        for seq, day in enumerate(days, 1):
            await connection.execute(_KNOWN, ITEM, seq, day)
        await connection.execute(_KNOWN, OTHER, 9, days[0])
        await upgrade(database.owner, MIGRATIONS)
        found = await connection.fetch("SELECT seq, superseded_at FROM read.invoice_terms ORDER BY seq")
        assert [tuple(row) for row in found] == [(1, days[1]), (2, days[2]), (3, None), (9, None)]
        assert await connection.fetch("SELECT * FROM es.look(ARRAY['demo'], ARRAY['k'], '{}', '{}', '{}')") == []
    finally:
        await connection.close()


_CURRENT = """
INSERT INTO read.invoice_current (tenant_id, stream_id, version, invoice_id, customer_id, legal_entity, currency,
  issued_on, due_on, open_minor, held_minor, doc)
VALUES ('demo', $1, 3, 'R-1', 'C-1', 'DE01', 'EUR', '2026-10-01', '2026-10-31', 500, 200, $2)
"""


async def test_current_invoices_keep_their_columns_and_are_written_on(make_database: MakeDatabase) -> None:
    database = await make_database("collections")
    await upgrade(database.owner, MIGRATIONS, "0005")
    connection = await asyncpg.connect(database.superuser)
    document = {"invoice_id": "R-1", "customer_id": "C-1", "legal_entity": "DE01", "currency": "EUR",
                "issued_on": "2026-10-01", "due_on": "2026-10-31", "open": 500, "held": 200}  # fmt: skip
    try:
        await connection.execute(_CURRENT, ITEM, msgspec.json.encode(document).decode())
        before = await connection.fetchrow("SELECT * FROM read.invoice_current")
        await upgrade(database.owner, MIGRATIONS)
        after = await connection.fetchrow("SELECT * FROM read.invoice_current")
        assert before is not None
        assert after is not None
        assert {name: after[name] for name in before.keys()} == dict(before)  # noqa: SIM118 - a row is no dict
        paid = msgspec.json.encode(document | {"open": 100, "held": 0, "due_on": "2026-11-30"}).decode()
        await connection.execute(
            "SELECT es.write_current('{demo}', ARRAY[$1::uuid], '{invoice}', '{4}', ARRAY[$2::jsonb])", ITEM, paid
        )
        found = await connection.fetch("SELECT version, due_on, open_minor, held_minor FROM read.invoice_current")
        assert [tuple(row) for row in found] == [(4, date(2026, 11, 30), 100, 0)]
    finally:
        await connection.close()


_TASK = """
INSERT INTO read.recollection_task (tenant_id, task_id, seq, item, dispute_id, currency, amount, opened_at)
VALUES ('demo', $1, 7, $2, 'dsp_1', 'EUR', 300, '2026-11-01T00:00:00Z')
"""
_FOLLOWED = """
INSERT INTO es.consumer (name, shard, seq, epoch) SELECT 'recollection_tasks', 0, 7, epoch FROM es.log_head
"""


async def test_tasks_opened_under_their_old_name_are_followed_on(make_database: MakeDatabase) -> None:
    database = await make_database("collections")
    await upgrade(database.owner, MIGRATIONS, "0005")
    connection = await asyncpg.connect(database.superuser)
    try:
        await connection.execute(_TASK, OTHER, ITEM)
        await connection.execute(_FOLLOWED)
        await upgrade(database.owner, MIGRATIONS)
        found = await connection.fetch("SELECT task_id, seq, amount FROM read.recovery_task")
        assert [tuple(row) for row in found] == [(OTHER, 7, 300)]
        assert [tuple(row) for row in await connection.fetch("SELECT name, seq FROM es.consumer")] == [
            ("recovery_tasks", 7)
        ]
    finally:
        await connection.close()


async def test_of_two_tasks_for_the_same_money_the_later_one_is_left(make_database: MakeDatabase) -> None:
    database = await make_database("collections")
    await upgrade(database.owner, MIGRATIONS, "0010")
    connection = await asyncpg.connect(database.superuser)
    task = _TASK.replace("recollection_task", "recovery_task")
    first, again, other = (derived_uuid("test", name) for name in ("first", "again", "other"))
    try:
        await connection.execute(task, first, ITEM)
        await connection.execute(task.replace("7, $2", "9, $2"), again, ITEM)
        await connection.execute(task.replace("7, $2", "8, $2"), other, OTHER)
        await upgrade(database.owner, MIGRATIONS)
        found = await connection.fetch("SELECT task_id, number, state, why FROM read.recovery_task ORDER BY seq")
        assert [tuple(row) for row in found] == [
            (first, 1, "closed", "replaced"),
            (other, 1, "open", None),
            (again, 2, "open", None),
        ]
    finally:
        await connection.close()


_EVENT = """
INSERT INTO es.event (stream_id, version, event_id, tenant_id, stream_type, type, schema_version, effective_at,
                      recorded_at, prev_hash, hash, meta, payload)
VALUES ($1, $2, $3, 'demo', 'invoice', 'invoice-corrected', 2, $4, $4, '', '', '', $5) RETURNING id
"""
_RECORDED = """
INSERT INTO read.invoice_terms (tenant_id, item, seq, invoice_id, customer_id, legal_entity, currency, issued_on,
                                due_on, recorded_at, superseded_at)
VALUES ('demo', $1, $2, 'R-1', 'C-1', 'DE01', 'EUR', '2026-10-01', $3, $4, $5)
"""
_THEN = """
SELECT due_on FROM read.invoice_terms WHERE recorded_at <= $1 AND (superseded_at IS NULL OR superseded_at > $1)
  AND counts_from <= $2 AND (counts_until IS NULL OR counts_until > $2)
"""


async def test_earlier_corrections_count_from_the_day_that_they_said(make_database: MakeDatabase) -> None:
    database = await make_database("collections")
    await upgrade(database.owner, MIGRATIONS, "0011")
    connection = await asyncpg.connect(database.superuser)
    recorded = [datetime(2026, 11, day, tzinfo=UTC) for day in (1, 2, 3)]
    dues = [date(2026, 10, 31), date(2026, 12, 31), date(2027, 1, 31)]
    corrected_on = {2: date(2026, 11, 20), 3: date(2026, 11, 10)}  # the later one counts from an earlier day
    try:
        for seq, (at, due) in enumerate(zip(recorded, dues, strict=True), 1):
            await connection.execute(_RECORDED, ITEM, seq, due, at, recorded[seq] if seq < 3 else None)
            if seq in corrected_on:
                said = msgspec.json.encode({"due_on": str(due), "corrected_on": str(corrected_on[seq])})
                event = await connection.fetchval(_EVENT, ITEM, seq, derived_uuid("test", str(seq)), at, said)
                await connection.execute("INSERT INTO es.log VALUES ($1, $2, 'demo')", seq, event)
        await upgrade(database.owner, MIGRATIONS)

        async def due_then(known_at: datetime, day: date) -> date:
            (row,) = await connection.fetch(_THEN, known_at, day)
            return date.fromisoformat(str(row["due_on"]))

        assert await due_then(recorded[0], date(2026, 11, 30)) == dues[0]
        assert [await due_then(recorded[1], date(2026, 11, day)) for day in (19, 20)] == dues[:2]
        assert [await due_then(recorded[2], date(2026, 11, day)) for day in (9, 10, 20)] == [dues[0], dues[2], dues[2]]
    finally:
        await connection.close()
