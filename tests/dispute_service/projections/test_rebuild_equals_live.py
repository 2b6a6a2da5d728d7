"""A history that is rebuilt from the first event is the history that was there."""

import asyncpg
from pydantic import SecretStr
from support.dispute_api import Company, Office

from dispute_service import wiring
from dispute_service.projections.dispute_history import DisputeHistory
from dispute_service.settings import RebuildSettings
from redress.messaging.log_source import LogSource
from redress.projections.runner import Runner


async def test_rebuilding_changes_nothing(office: Office, company: Company) -> None:
    opened = await company.open()
    assigned = await company.done(opened, "assign")
    await company.done(assigned, "withdraw", {"reason": "x"})
    pool = await asyncpg.create_pool(office.database.worker, min_size=1, max_size=2)
    runner = Runner(pool, DisputeHistory(), LogSource(office.log))
    await runner.open()
    await office.log.sequence()
    await runner.catch_up()
    rows = "SELECT md5(string_agg(h::text, '' ORDER BY dispute_id, version)) FROM read.dispute_history h"
    live = await pool.fetchval(rows)
    settings = RebuildSettings(
        owner_database_url=SecretStr(office.database.owner), worker_database_url=SecretStr(office.database.worker)
    )
    done = await wiring.rebuild(settings, "dispute-history", lambda _: None)
    before, after = done.rows["dispute_history"]
    assert before == after > 0
    assert await pool.fetchval(rows) == live
    pool.terminate()
