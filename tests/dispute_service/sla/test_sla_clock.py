"""Promises ring when their time is over, and only then."""

from datetime import UTC, datetime, timedelta

import pytest
from support.clockwork import Clockwork
from support.dispute_api import Company, Office

from dispute_service.sla.clock import ring_at


@pytest.fixture
def clockwork(office: Office) -> Clockwork:
    return Clockwork(office)


def test_a_promise_in_the_future_rings_then_and_one_recorded_late_a_day_after() -> None:
    recorded = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)
    ahead, over = recorded + timedelta(days=5), recorded - timedelta(days=5)
    assert ring_at(ahead, recorded) == ahead
    assert ring_at(over, recorded) == recorded + timedelta(hours=24)


async def test_an_unanswered_dispute_breaks_its_promise(company: Company, clockwork: Clockwork) -> None:
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
    assert (last["type"], last["actor"]["id"]) == ("sla-breached", "dispute-service/sla")


async def test_an_answered_dispute_has_no_timer_left(company: Company, clockwork: Clockwork) -> None:
    opened = await company.open()
    await clockwork.wind()
    await company.done(opened, "withdraw", {"reason": "x"})
    await clockwork.wind()
    ((state, _),) = await clockwork.timers(opened)
    assert state == "cancelled"


async def test_a_timer_that_rings_too_late_for_an_answered_dispute_does_nothing(
    company: Company, clockwork: Clockwork
) -> None:
    opened = await company.open()
    await clockwork.wind()
    resolved = await company.done(opened, "resolve", {"resolution_code": "OFFSET"})
    await clockwork.bring_forward(opened)
    assert (await company.get(f"/v1/disputes/{opened['dispute_id']}")).json()["version"] == resolved["version"]


async def test_another_reason_sets_another_timer(company: Company, clockwork: Clockwork) -> None:
    opened = await company.open()
    await company.done(opened, "classify", {"reason_code": "DUPLICATE"})
    await clockwork.wind()
    timers = await clockwork.timers(opened)
    assert [state for state, _ in timers].count("pending") == 1


async def test_a_dispute_recorded_after_its_due_date_gets_a_day_to_be_ended(
    company: Company, clockwork: Clockwork
) -> None:
    opened = await company.open(effective_at="2025-01-07T09:00:00Z")
    await clockwork.wind()
    ((state, rings_at),) = await clockwork.timers(opened)
    assert state == "pending"
    assert rings_at > datetime(2026, 3, 4, tzinfo=UTC)
    resolved = await company.done(
        opened, "resolve", {"resolution_code": "CUSTOMER_PAID", "effective_at": "2025-01-09T09:00:00Z"}
    )
    assert resolved["sla"]["breached"] is False
