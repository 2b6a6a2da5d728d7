"""Promises ring when their time is over, and only then."""

from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest_asyncio
from support.dispute_api import Company, Office
from support.eventually import eventually

from dispute_service.process_managers.sla_clock import SlaClock, ring_at
from dispute_service.timers.sla_breach import SlaBreach
from redress.ids import parse_public_id
from redress.messaging.log_source import LogSource
from redress.projections.runner import Runner
from redress.timers.poller import TimerPoller


@pytest_asyncio.fixture
async def clockwork(office: Office):
    """Sets timers from the log, and rings those that are due."""
    pool = await asyncpg.create_pool(office.database.worker, min_size=1, max_size=3)

    class Clockwork:
        async def wind(self) -> None:
            async def nothing_waits() -> bool:
                return await office.log.sequence() == 0

            await eventually(nothing_waits)
            runner = Runner(pool, SlaClock(), LogSource(office.log))
            await runner.open()
            await runner.catch_up()

        async def timers(self, dispute: dict[str, Any]) -> list[tuple[str, datetime]]:
            rows = await pool.fetch(
                "SELECT state, due_at FROM es.timer WHERE stream_id = $1 ORDER BY due_at, state", _stream(dispute)
            )
            return [(row["state"], row["due_at"]) for row in rows]

        async def bring_forward(self, dispute: dict[str, Any]) -> None:
            """As if its time had come: the database's own clock decides, and tests cannot move that."""
            await pool.execute(
                "UPDATE es.timer SET due_at = clock_timestamp() WHERE stream_id = $1 AND state = 'pending'",
                _stream(dispute),
            )
            await TimerPoller(pool, {"sla": SlaBreach(office.log).fire}).fire_due()

    yield Clockwork()
    pool.terminate()


def _stream(dispute: dict[str, Any]):
    return parse_public_id("dsp", dispute["dispute_id"])


def test_a_promise_in_the_future_rings_then_and_one_recorded_late_a_day_after() -> None:
    recorded = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)
    ahead, over = recorded + timedelta(days=5), recorded - timedelta(days=5)
    assert ring_at(ahead, recorded) == ahead
    assert ring_at(over, recorded) == recorded + timedelta(hours=24)


async def test_an_unanswered_dispute_breaks_its_promise(company: Company, clockwork) -> None:
    opened = await company.open()
    await clockwork.wind()
    ((state, _),) = await clockwork.timers(opened)
    assert state == "pending"
    await clockwork.bring_forward(opened)
    path = f"/v1/disputes/{opened['dispute_id']}"
    now = (await company.get(path)).json()
    assert now["sla"]["breached"] is True
    assert now["sla"]["breached_at"] == opened["sla"]["due_at"]
    last = (await company.get(f"{path}/events")).json()["items"][-1]
    assert (last["type"], last["actor"]["id"]) == ("sla-breached", "sla-breach")


async def test_an_answered_dispute_has_no_timer_left(company: Company, clockwork) -> None:
    opened = await company.open()
    await clockwork.wind()
    await company.done(opened, "withdraw", {"reason": "x"})
    await clockwork.wind()
    ((state, _),) = await clockwork.timers(opened)
    assert state == "cancelled"


async def test_a_timer_that_rings_too_late_for_an_answered_dispute_does_nothing(company: Company, clockwork) -> None:
    opened = await company.open()
    await clockwork.wind()
    resolved = await company.done(opened, "resolve", {"resolution_code": "OFFSET"})
    await clockwork.bring_forward(opened)
    assert (await company.get(f"/v1/disputes/{opened['dispute_id']}")).json()["version"] == resolved["version"]


async def test_another_reason_sets_another_timer(company: Company, clockwork) -> None:
    opened = await company.open()
    await company.done(opened, "classify", {"reason_code": "DUPLICATE"})
    await clockwork.wind()
    timers = await clockwork.timers(opened)
    assert [state for state, _ in timers].count("pending") == 1


async def test_a_dispute_recorded_after_its_due_date_gets_a_day_to_be_ended(company: Company, clockwork) -> None:
    opened = await company.open(effective_at="2025-01-07T09:00:00Z")
    await clockwork.wind()
    ((state, rings_at),) = await clockwork.timers(opened)
    assert state == "pending"
    assert rings_at > datetime(2026, 3, 4, tzinfo=UTC)
    resolved = await company.done(
        opened, "resolve", {"resolution_code": "CUSTOMER_PAID", "effective_at": "2025-01-09T09:00:00Z"}
    )
    assert resolved["sla"]["breached"] is False
