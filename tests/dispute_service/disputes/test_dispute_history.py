"""Lists as they were known at a past instant."""

from typing import Any

from support.dispute_api import Company, Office, money


async def _recorded(company: Company, dispute: dict[str, Any]) -> list[str]:
    entries = (await company.get(f"/v1/disputes/{dispute['dispute_id']}/events")).json()["items"]
    return [entry["recorded_at"] for entry in entries]


async def test_a_list_shows_what_was_known_then(company: Company, office: Office) -> None:
    first = await company.open()
    assigned = await company.done(first, "assign")
    await office.catch_up()
    second = await company.open(items=[{"invoice_id": "INV-2", "amount": money("5.00")}])
    await company.done(assigned, "withdraw", {"reason": "x"})
    await office.catch_up()
    times = await _recorded(company, first)

    async def known(at: str, **filters: Any) -> list[tuple[str, str]]:
        answer = await company.get("/v1/disputes", known_at=at, sort="opened_at", **filters)
        assert answer.status_code == 200, answer.text
        return [(dispute["dispute_id"], dispute["status"]) for dispute in answer.json()["items"]]

    assert await known(times[0]) == [(first["dispute_id"], "open")]
    assert await known(times[1]) == [(first["dispute_id"], "assigned")]
    now = await known(times[2])
    assert sorted(now) == sorted([(first["dispute_id"], "withdrawn"), (second["dispute_id"], "open")])
    assert await known(times[2], status="withdrawn") == [(first["dispute_id"], "withdrawn")]
    assert await known("2020-01-01T00:00:00Z") == []


async def test_the_list_now_and_the_list_as_known_now_are_the_same(company: Company, office: Office) -> None:
    for number in range(3):
        opened = await company.open(items=[{"invoice_id": f"INV-{number}", "amount": money("5.00")}])
        await company.done(opened, "assign")
    await office.catch_up()
    now = (await company.get("/v1/disputes", sort="open_amount")).json()["items"]
    known = (await company.get("/v1/disputes", sort="open_amount", known_at="2200-01-01T00:00:00Z")).json()["items"]
    assert known == now
