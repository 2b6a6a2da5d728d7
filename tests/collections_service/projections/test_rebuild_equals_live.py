import asyncpg
from support.collections_office import Office, correction, dispute_event, invoice, payment, reversal

from collections_service import wiring
from redress.messaging.log_source import LogSource
from redress.projections.rebuild import rebuild


async def rows(office: Office) -> dict[str, list]:
    connection = await asyncpg.connect(office.database.owner)
    try:
        return {
            table: [tuple(row) for row in await connection.fetch(f"SELECT * FROM read.{table} ORDER BY 1, 2, 3")]
            for table in ("movement", "invoice_terms", "recollection_task")
        }
    finally:
        await connection.close()


async def test_read_models_built_anew_are_the_same(office: Office):
    await office.accepted(invoice(), invoice("INV-2", currency="USD"), payment(amount="400.00"), reversal())
    await office.hear(
        dispute_event("dispute-opened", version=1, open={"INV-1": 30_000}),
        dispute_event("dispute-resolved", version=2, open={"INV-1": 0}, rejected=30_000),
    )
    await office.accepted(correction(due_on="2026-03-01", total="900.00"))
    await office.follow()
    live = await rows(office)
    assert {table: len(found) for table, found in live.items()} == {
        "movement": 7,
        "invoice_terms": 3,
        "recollection_task": 1,
    }

    for projection in wiring.own_projections():
        await rebuild(
            projection,
            LogSource(office.worker_log),
            owner_dsn=office.database.owner,
            worker_dsn=office.database.worker,
        )

    assert await rows(office) == live
    assert (await office.get("/v1/ageing", as_of="2026-02-28"))["rows"][0]["open"]["amount"] == "900.00"
    assert len((await office.get("/v1/recollection-tasks"))["items"]) == 1
