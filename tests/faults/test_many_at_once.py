"""Rows 44 to 48: fifty people on one dispute, a double click, a used key, a race for an amount, a rebuild at work."""

import asyncio
import os
from collections import Counter

from faults.client import Client, a_dispute, an_invoice
from faults.deployment import Deployment
from faults.proxy import Weather


async def test_row_44_of_fifty_people_who_decide_on_the_same_version_one_wins_and_the_others_are_told(
    deployment: Deployment, company: Client
) -> None:
    opened = (await company.open_dispute("U-1", "10.00")).json
    deployment.blueprint.databases["dispute"].weather = Weather(delay_s=(0.0, 0.02))
    answers = await asyncio.gather(
        *(company.command(opened["dispute_id"], "withdraw", {"reason": "A mistake."}, 1) for _ in range(50))
    )
    told = Counter(answer.status for answer in answers)
    assert told == {200: 1, 412: 49}
    assert {answer.headers.get("etag") or answer.json.get("version") for answer in answers if answer.status == 412}
    found = await company.get("dispute", f"/v1/disputes/{opened['dispute_id']}")
    assert (found["version"], found["status"]) == (2, "withdrawn")


async def test_row_45_a_double_click_twenty_times_over_is_one_dispute_and_one_answer(company: Client) -> None:
    key = company.new_key()
    answers = await asyncio.gather(*(company.open_dispute("U-1", "10.00", key=key) for _ in range(20)))
    assert {(answer.status, answer.body) for answer in answers} == {(201, answers[0].body)}
    assert len((await company.get("dispute", "/v1/disputes"))["items"]) == 1


async def test_row_46_a_used_key_with_another_request_is_refused_and_nothing_is_stored(company: Client) -> None:
    key = company.new_key()
    assert (await company.open_dispute("U-1", "10.00", key=key)).status == 201
    other = await company.open_dispute("U-1", "11.00", key=key)
    assert (other.status, other.json["code"]) == (422, "idempotency_key_reused")
    assert [each["open"]["amount"] for each in (await company.get("dispute", "/v1/disputes"))["items"]] == ["10.00"]


async def test_row_47_disputes_that_race_for_the_open_amount_of_an_invoice_never_hold_more_than_that(
    deployment: Deployment, company: Client
) -> None:
    """Approval limits do not exist yet; what can be exceeded together today is the invoice."""
    await company.erp(an_invoice(company.tenant, "I-1", "100.00"))
    await deployment.comes_to_rest()
    answers = await asyncio.gather(*(company.open_dispute("I-1", "30.00") for _ in range(10)))
    told = Counter(answer.status for answer in answers)
    assert told[201] == 3
    assert set(told) <= {201, 409, 422}
    found = (await company.get("dispute", "/v1/disputes"))["items"]
    assert sorted(each["open"]["amount"] for each in found) == ["30.00"] * 3


async def test_row_48_a_read_model_is_built_anew_while_commands_come_in_and_lacks_nothing(
    deployment: Deployment, company: Client
) -> None:
    for number in range(20):
        await company.open_dispute(f"U-{number}", "10.00")
    stop = asyncio.Event()

    async def goes_on() -> int:
        number = 100
        while not stop.is_set():
            assert (await company.open_dispute(f"U-{number}", "10.00")).status == 201
            number += 1
        return number - 100

    working = asyncio.create_task(goes_on())
    worker = deployment.process("dispute-worker")
    environment = {**os.environ, **(worker._env or {})}
    rebuild = await asyncio.create_subprocess_exec(
        *worker.argv[:-1], "rebuild", "dispute-history", env=environment,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    said, _ = await asyncio.wait_for(rebuild.communicate(), 60)
    stop.set()
    more = await working
    assert rebuild.returncode == 0, said.decode()
    assert more > 0
    await deployment.comes_to_rest()
    async with deployment.database("dispute") as connection:
        known = await connection.fetchval(
            "SELECT count(*) FROM read.dispute_history WHERE tenant_id = $1", company.tenant
        )
    assert known == 20 + more


async def test_row_45_the_same_request_by_two_programs_with_two_keys_is_two_requests(company: Client) -> None:
    """Only the key makes a repetition: two people may well contest the same amount of an invoice nobody knows yet."""
    answers = await asyncio.gather(
        *(company.post("dispute", "/v1/disputes", a_dispute(company.tenant, "U-1", "10.00")) for _ in range(2))
    )
    assert [answer.status for answer in answers] == [201, 201]
