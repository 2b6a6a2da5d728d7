"""A database of an earlier state is brought to the newest one with everything that is in it."""

from datetime import UTC, datetime
from importlib import resources
from pathlib import Path

import asyncpg
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
