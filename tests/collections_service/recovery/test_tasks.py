from support.collections_office import (
    Office,
    dispute_event,
    invoice,
    payment,
)


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


async def test_the_tasks_of_another_moment_are_refused_with_the_question_that_answers_it(office: Office) -> None:
    for parameter, value in (("as_of", "2026-01-31"), ("known_at", "2026-01-31T00:00:00Z")):
        refused = await office.get("/v1/recovery-tasks", status=422, **{parameter: value})
        (error,) = refused["errors"]
        assert (error["parameter"], error["detail"]) == (parameter, "is not answered by this list")
