"""What the ERP does not post in time is a task for accounting: it rings, it is listed on both axes, it is worked.

It is noon of Wednesday 4 March 2026 for people; the database has its own clock, by which timers ring.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from support.clockwork import Clockwork
from support.dispute_api import NOON, Company, Office, money

from dispute_service.disputes.events import (
    AnswerReversed,
    CreditReversed,
    DisputeReopened,
    DisputeResolved,
    DisputeSettled,
    ItemOutcome,
    Settlement,
    SettlementOverdue,
    Share,
    WriteOffReversed,
)
from dispute_service.settlement.clock import deadline
from redress.ids import parse_public_id

RECORDED = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)
DUE = Settlement(due_at=RECORDED + timedelta(days=7), policy="settlement-terms@1", calendar="de-office")
TASKS = "/v1/settlement-tasks"


@pytest.fixture
def clockwork(office: Office) -> Clockwork:
    return Clockwork(office)


async def _resolved(company: Company, code: str = "WRITE_OFF_SMALL", **changes: object) -> dict[str, Any]:
    return await company.done(await company.open(**changes), "resolve", {"resolution_code": code})


async def _overdue(company: Company, clockwork: Clockwork, code: str = "WRITE_OFF_SMALL") -> dict[str, Any]:
    resolved = await _resolved(company, code)
    await clockwork.wind()
    await clockwork.bring_forward(resolved)
    await clockwork.wind()
    now: dict[str, Any] = (await company.get(f"/v1/disputes/{resolved['dispute_id']}")).json()
    return now


async def _tasks(company: Company, **params: Any) -> list[dict[str, Any]]:
    answer = await company.get(TASKS, **params)
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


async def _do(company: Company, dispute: dict[str, Any], action: str, body: object = None) -> dict[str, Any]:
    answer = await company.post(f"{TASKS}/{dispute['dispute_id']}/{action}", body)
    assert answer.status_code == 200, answer.text
    task: dict[str, Any] = answer.json()
    return task


# -- when it rings


def test_a_timer_rings_at_the_due_date_and_for_one_that_was_over_when_it_was_recorded_a_little_later() -> None:
    resolved = DisputeResolved(at=RECORDED, resolution_code="OFFSET", outcomes=(), settlement=DUE)
    assert deadline(resolved, RECORDED) == DUE.due_at
    assert deadline(resolved, DUE.due_at + timedelta(days=1)) == DUE.due_at + timedelta(days=1, minutes=2)
    assert deadline(DisputeResolved(at=RECORDED, resolution_code="REJECTED_COLLECT", outcomes=()), RECORDED) is None
    for event in (DisputeSettled(at=RECORDED), SettlementOverdue(at=RECORDED, due_at=RECORDED)):
        assert deadline(event, RECORDED) == "over"
    reopened = DisputeReopened(at=RECORDED, reason="r", shares=())
    assert deadline(reopened, RECORDED) == "over"
    by_ledger = DisputeReopened(at=RECORDED, reason="r", shares=(), by_ledger=True, keeps_grants=True)
    assert deadline(by_ledger, RECORDED) is None, "what was granted is still awaited"


def test_a_grant_of_before_there_were_terms_is_overdue_after_two_weeks() -> None:
    granted = DisputeResolved(at=RECORDED, resolution_code="CREDIT_FULL", outcomes=(ItemOutcome(item=0, credit=1),))
    assert deadline(granted, RECORDED) == RECORDED + timedelta(days=14)
    awaited = CreditReversed(
        at=RECORDED, credit_memo_id="CM", invoice_id="I", ledger_version=2, shares=(Share(0, 1),), into="awaiting"
    )
    assert deadline(awaited, RECORDED) == RECORDED + timedelta(days=14)


def test_a_write_off_taken_back_and_an_answer_cancelled_are_watched_again() -> None:
    back = WriteOffReversed(
        at=RECORDED, write_off_id="W", invoice_id="I", ledger_version=2, shares=(Share(0, 1),), into="awaiting",
        settlement=DUE,
    )  # fmt: skip
    assert deadline(back, RECORDED) == DUE.due_at
    cancelled = AnswerReversed(at=RECORDED, reference="CM", shares=(Share(0, 1),), into="awaiting", settlement=DUE)
    assert deadline(cancelled, RECORDED) == DUE.due_at


async def test_what_is_not_posted_in_time_becomes_a_task(company: Company, clockwork: Clockwork) -> None:
    resolved = await _resolved(company)
    assert resolved["status"] == "settling"
    assert resolved["settlement"] == {
        "awaiting": money("200.00"),
        "due_at": "2026-03-18T16:00:00Z",
        "policy": "settlement-terms@1",
        "calendar": "de-office",
        "overdue": False,
        "task": None,
    }
    await clockwork.wind()
    assert await _tasks(company) == []
    await clockwork.bring_forward(resolved)
    (task,) = await _tasks(company)
    assert task == {
        "dispute_id": resolved["dispute_id"],
        "customer_id": "C-1",
        "legal_entity": None,
        "resolution_code": "WRITE_OFF_SMALL",
        "awaiting": money("200.00"),
        "items": [
            {
                "invoice_id": "INV-1",
                "legal_entity": None,
                "line": None,
                "credit": money("0.00"),
                "write_off": money("200.00"),
                "payment": money("0.00"),
            }
        ],
        "state": "open",
        "due_at": "2026-03-18T16:00:00Z",
        "awaited_until": "2026-03-18T16:00:00Z",
        "policy": "settlement-terms@1",
        "owner": None,
        "why": None,
        "allowed_actions": ["take", "hand-over", "finish"],
    }
    last = (await company.get(f"/v1/disputes/{resolved['dispute_id']}/events")).json()["items"][-1]
    assert (last["type"], last["actor"]["id"]) == ("settlement-overdue", "dispute-service/settlement")


async def test_a_dispute_that_was_reopened_has_no_timer_left(office: Office, company: Company) -> None:
    resolved = await _resolved(company)
    await office.catch_up()
    stream = parse_public_id("dsp", resolved["dispute_id"])
    states = "SELECT array_agg(state) FROM es.timer WHERE stream_id = $1 AND kind = 'settlement'"
    assert await office.worker.pool.fetchval(states, stream) == ["pending"]
    await company.done(resolved, "reopen", {"reason": "new evidence"})
    await office.catch_up()
    assert await office.worker.pool.fetchval(states, stream) == ["cancelled"]


# -- who sees to it


async def test_a_task_is_taken_handed_over_and_finished_and_then_awaited_anew(
    company: Company, clockwork: Clockwork
) -> None:
    dispute = await _overdue(company, clockwork)
    taken = await _do(company, dispute, "take")
    assert (taken["state"], taken["allowed_actions"]) == ("taken", ["hand-over", "finish"])
    again = await company.post(f"{TASKS}/{dispute['dispute_id']}/take")
    assert again.status_code == 200, "the same person takes it again"
    over = await _do(company, dispute, "hand-over", {"to": "ben", "reason": "posts the write-offs"})
    assert (over["owner"], over["why"]) == ("ben", "posts the write-offs")
    refused = await company.post(f"{TASKS}/{dispute['dispute_id']}/take")
    assert (refused.status_code, refused.json()["code"]) == (409, "settlement_task_taken")
    assert refused.json()["allowed_actions"] == ["hand-over", "finish"]
    assert [task["owner"] for task in await _tasks(company, owner="ben", state="taken")] == ["ben"]
    assert await _tasks(company, owner="anna") == []
    done = await _do(company, dispute, "finish", {"result": "posted with the next run"})
    assert (done["state"], done["awaited_until"]) == ("done", "2026-03-18T16:00:00Z")
    refused = await company.post(f"{TASKS}/{dispute['dispute_id']}/finish", {"result": "something else"})
    assert (refused.status_code, refused.json()["code"]) == (409, "settlement_task_is_over")
    await clockwork.wind()
    await clockwork.bring_forward(dispute)
    (open_again,) = await _tasks(company, state="open")
    assert (open_again["owner"], open_again["awaiting"]) == (None, money("200.00"))


async def test_where_nothing_was_overdue_there_is_no_task(company: Company) -> None:
    resolved = await _resolved(company)
    refused = await company.post(f"{TASKS}/{resolved['dispute_id']}/take")
    assert (refused.status_code, refused.json()["code"]) == (404, "settlement_task_not_found")
    assert (await company.post(f"{TASKS}/dsp_x/take")).status_code == 404


async def test_a_person_says_that_nothing_more_comes_and_the_task_is_closed(
    company: Company, clockwork: Clockwork
) -> None:
    dispute = await _overdue(company, clockwork, "CREDIT_FULL")
    assert "settle" in dispute["allowed_actions"]
    settled = await company.done(dispute, "settle", {"remainder": "collect", "reason": "the customer was wrong"})
    assert (settled["status"], settled["items"][0]["rejected"]) == ("resolved", money("200.00"))
    (task,) = await _tasks(company)
    assert (task["state"], task["why"], task["awaiting"], task["allowed_actions"]) == (
        "closed",
        "given up",
        money("0.00"),
        [],
    )
    refused = await company.command(settled, "settle", {"remainder": "settled_elsewhere", "reason": "another one"})
    assert refused.status_code == 409


async def test_what_becomes_of_the_rest_has_to_be_said(company: Company) -> None:
    resolved = await _resolved(company)
    refused = await company.command(resolved, "settle", {"remainder": "forget it", "reason": "r"})
    (wrong,) = refused.json()["errors"]
    assert (refused.status_code, wrong["pointer"]) == (422, "#/remainder")


# -- the list on both axes


async def test_the_list_answers_for_a_business_day_and_for_what_was_known(
    company: Company, clockwork: Clockwork
) -> None:
    dispute = await _overdue(company, clockwork)
    events = (await company.get(f"/v1/disputes/{dispute['dispute_id']}/events")).json()["items"]
    resolved_at, overdue_at = (event["recorded_at"] for event in events[-2:])
    before = await _tasks(company, known_at=resolved_at)
    (then,) = await _tasks(company, known_at=overdue_at)
    assert (before, then["state"]) == ([], "open")
    assert await _tasks(company, as_of="2026-03-17") == []
    (on_the_day,) = await _tasks(company, as_of="2026-03-18")
    assert (on_the_day["state"], on_the_day["awaiting"]) == ("open", money("200.00"))
    assert await _tasks(company, as_of="2026-03-18", known_at=resolved_at) == []
    assert await _tasks(company, as_of="2026-03-18", state="taken") == []
    assert await _tasks(company, as_of="2026-03-18", customer_id="C-2") == []
    assert await _tasks(company, as_of="2026-03-18", legal_entity="DE01") == []
    assert await _tasks(company, legal_entity="DE01") == []


@pytest.mark.parametrize("moment", [{}, {"as_of": "2026-04-01"}])
async def test_the_list_has_pages(company: Company, clockwork: Clockwork, moment: dict[str, str]) -> None:
    made = {(await _overdue(company, clockwork))["dispute_id"] for _ in range(3)}
    found: list[str] = []
    cursor = None
    for _ in range(4):
        page = (await company.get(TASKS, limit=1, cursor=cursor, **moment)).json()
        found += [task["dispute_id"] for task in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert (len(found), set(found)) == (3, made)


# -- the terms


async def test_a_company_says_how_long_it_waits(office: Office, company: Company) -> None:
    admin = company.as_("admin")
    term = {"days": 3, "counted": "calendar"}
    draft: dict[str, Any] = {
        "scope": "customer:C-1",
        "effective_from": NOON.date().isoformat(),
        "document": {"credit_memo": term, "write_off": term, "payment": term},
    }
    assert (await admin.post("/v1/policies/settlement-terms/draft", draft)).status_code == 200
    assert (await admin.post("/v1/policies/settlement-terms/publish", {"scope": "customer:C-1"})).status_code == 200
    resolved = await _resolved(company)
    assert resolved["settlement"]["due_at"] == "2026-03-07T16:00:00Z"
    assert resolved["settlement"]["policy"] == "settlement-terms@2"
    last = (await company.get(f"/v1/disputes/{resolved['dispute_id']}/events")).json()["items"][-1]
    assert last["policy"] == ["settlement-terms@2"]
    other = await _resolved(company, customer_id="C-9", items=[{"invoice_id": "INV-9", "amount": money("10.00")}])
    assert other["settlement"]["policy"] == "settlement-terms@1"
    wrong = {**draft, "document": {**draft["document"], "payment": {"days": 0}}}
    refused = await admin.post("/v1/policies/settlement-terms/draft", wrong)
    assert refused.status_code == 422
    assert "1 to 365" in refused.text
