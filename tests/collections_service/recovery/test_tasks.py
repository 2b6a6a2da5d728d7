from typing import Any, cast

from pydantic import SecretStr
from support.clock import SetClock
from support.collections_office import (
    Office,
    dispute_event,
    invoice,
    payment,
)

from collections_service.service import SERVICE
from redress.contracts.envelope import PublishedEvent
from redress.ids import new_uuid, public_id
from redress.ops.settings import RebuildSettings
from redress.service.composition import rebuild


async def test_a_rejected_dispute_becomes_a_task_to_collect_again(office: Office) -> None:
    await office.accepted(invoice())
    await office.hear(
        dispute_event("dispute-opened", version=1, open={"INV-1": 30_000}),
        dispute_event(
            "dispute-resolved", version=4, open={"INV-1": 0}, rejected=30_000, resolution_code="REJECTED_COLLECT"
        ),
    )
    await office.follow()

    (task,) = (await office.get("/v1/recovery-tasks"))["items"]
    assert (task["invoice_id"], task["amount"]["amount"], task["done"]) == ("INV-1", "300.00", False)
    assert (await office.get("/v1/holds"))["items"] == []

    await office.accepted(payment())
    (task,) = (await office.get("/v1/recovery-tasks", customer_id="C-1"))["items"]
    assert (task["collectable"]["amount"], task["done"]) == ("0.00", True)


def resolved(version: int, rejected: int = 30_000) -> PublishedEvent:
    return dispute_event(
        "dispute-resolved", version=version, open={"INV-1": 0}, rejected=rejected, resolution_code="REJECTED_COLLECT"
    )


async def a_task(office: Office) -> dict[str, Any]:
    """300 of 1,000 were disputed in vain."""
    await office.accepted(invoice())
    await office.hear(dispute_event("dispute-opened", version=1, open={"INV-1": 30_000}), resolved(4))
    await office.follow()
    (task,) = (await office.get("/v1/recovery-tasks"))["items"]
    return cast("dict[str, Any]", task)


async def act(
    office: Office, task: dict[str, Any], action: str, body: object = None, *, status: int = 200
) -> dict[str, Any]:
    answer = await office.http.post(
        f"/v1/recovery-tasks/{task['task_id']}/{action}",
        json=body,
        headers=office.issuer.bearer("collector", tenant="demo") | {"Idempotency-Key": str(new_uuid())},
    )
    assert answer.status_code == status, answer.text
    return cast("dict[str, Any]", answer.json())


async def test_a_task_is_taken_handed_over_and_done_and_the_list_says_so(office: Office) -> None:
    task = await a_task(office)
    assert (task["state"], task["allowed_actions"]) == ("open", ["take", "hand-over", "finish"])

    taken = await act(office, task, "take")
    assert (taken["state"], taken["collectable"]["amount"]) == ("taken", "300.00")
    handed_over = await act(office, task, "hand-over", {"to": "ben", "reason": "on leave from Friday"})
    assert (handed_over["owner"], handed_over["why"]) == ("ben", "on leave from Friday")
    await office.follow()
    assert (await office.get("/v1/recovery-tasks", owner="ben"))["items"] == [handed_over]
    assert (await office.get("/v1/recovery-tasks", state="open"))["items"] == []

    done = await act(office, task, "finish", {"result": "promised for Friday"})
    assert (done["state"], done["done"], done["owner"], done["allowed_actions"]) == ("done", True, "ben", [])
    await office.follow()
    assert (await office.get("/v1/recovery-tasks", done="true"))["items"] == [done]
    refused = await act(office, task, "take", status=409)
    assert (refused["code"], refused["state"]) == ("recovery_task_over", "done")


async def test_a_reopened_dispute_asks_for_nothing_and_one_rejected_again_asks_once(office: Office) -> None:
    task = await a_task(office)
    await act(office, task, "take")

    await office.hear(dispute_event("dispute-reopened", version=5, open={"INV-1": 30_000}))
    await office.follow()
    (closed,) = (await office.get("/v1/recovery-tasks"))["items"]
    assert (closed["state"], closed["why"], closed["collectable"]["amount"]) == ("closed", "reopened", "0.00")
    assert (await act(office, task, "finish", {"result": "paid"}, status=409))["code"] == "recovery_task_over"

    await office.hear(resolved(7))
    await office.follow()
    both = (await office.get("/v1/recovery-tasks"))["items"]
    assert [(each["state"], each["collectable"]["amount"]) for each in both] == [("closed", "0.00"), ("open", "300.00")]
    assert (await office.get("/v1/recovery-tasks", done="false"))["items"] == both[1:]


async def test_what_two_tasks_ask_for_is_never_more_than_is_open(office: Office) -> None:
    """A payment settles the task that was opened first."""
    await a_task(office)
    await office.hear(
        dispute_event("dispute-opened", version=1, open={"INV-1": 40_000}, name="two"),
        dispute_event(
            "dispute-resolved",
            version=2,
            open={"INV-1": 0},
            rejected=40_000,
            name="two",
            resolution_code="REJECTED_COLLECT",
        ),
    )
    await office.accepted(payment(amount="500.00"))
    await office.follow()
    tasks = (await office.get("/v1/recovery-tasks"))["items"]
    assert [each["collectable"]["amount"] for each in tasks] == ["100.00", "400.00"]


async def test_a_task_of_nobody_and_one_of_another_company_are_not_there(office: Office) -> None:
    task = await a_task(office)
    nobody = {"task_id": public_id("tsk", new_uuid())}
    assert (await act(office, nobody, "take", status=404))["code"] == "recovery_task_not_found"
    assert (await act(office, {"task_id": "tsk_x"}, "take", status=404))["code"] == "not_found"
    answer = await office.http.post(
        f"/v1/recovery-tasks/{task['task_id']}/take",
        headers=office.issuer.bearer("collector", tenant="other") | {"Idempotency-Key": str(new_uuid())},
    )
    assert answer.status_code == 404


async def test_a_rebuilt_list_of_tasks_is_the_live_one(office: Office) -> None:
    task = await a_task(office)
    await act(office, task, "hand-over", {"to": "ben", "reason": "knows the customer"})
    await office.hear(dispute_event("dispute-reopened", version=5, open={"INV-1": 30_000}), resolved(7))
    await office.follow()
    live = (await office.get("/v1/recovery-tasks"))["items"]
    settings = RebuildSettings(
        owner_database_url=SecretStr(office.database.owner), worker_database_url=SecretStr(office.database.worker)
    )
    done = await rebuild(SERVICE, settings, "recovery_tasks", lambda _: None)
    assert done.rows["recovery_task"] == (2, 2)
    assert (await office.get("/v1/recovery-tasks"))["items"] == live


async def test_the_tasks_of_another_moment_are_refused_with_the_question_that_answers_it(office: Office) -> None:
    for parameter, value in (("as_of", "2026-01-31"), ("known_at", "2026-01-31T00:00:00Z")):
        refused = await office.get("/v1/recovery-tasks", status=422, **{parameter: value})
        (error,) = refused["errors"]
        assert (error["parameter"], error["detail"]) == (parameter, "is not answered by this list")


async def test_a_payment_of_a_day_to_come_leaves_a_task_collectable_until_then(office: Office, clock: SetClock) -> None:
    task = await a_task(office)
    await office.accepted(payment(received_on="2026-11-24"))  # today is the 23rd
    await office.follow()

    (listed,) = (await office.get("/v1/recovery-tasks"))["items"]
    assert (listed["collectable"]["amount"], listed["done"]) == ("300.00", False)
    assert (await act(office, task, "take"))["collectable"]["amount"] == "300.00"
    clock.advance(days=1)
    (listed,) = (await office.get("/v1/recovery-tasks"))["items"]
    assert (listed["collectable"]["amount"], listed["done"]) == ("0.00", True)
