"""A history that is rebuilt from the first event is the history that was there."""

from pydantic import SecretStr
from support.dispute_api import Company, Office

from redress.ops.settings import RebuildSettings
from redress.service.composition import rebuild


async def test_rebuilding_changes_nothing(office: Office, company: Company) -> None:
    opened = await company.open()
    assigned = await company.done(opened, "assign")
    await company.done(assigned, "withdraw", {"reason": "x"})
    await office.catch_up()
    pool = office.worker.pool
    rows = "SELECT md5(string_agg(h::text, '' ORDER BY stream_id, version)) FROM read.dispute_history h"
    live = await pool.fetchval(rows)
    settings = RebuildSettings(
        owner_database_url=SecretStr(office.database.owner), worker_database_url=SecretStr(office.database.worker)
    )
    done = await rebuild(office.service, settings, "dispute-history", lambda _: None)
    before, after = done.rows["dispute_history"]
    assert before == after > 0
    assert await pool.fetchval(rows) == live
