"""Rows 1 to 9 of the fault matrix: kill -9 at each step, a process that stands still, and a power cut."""

import asyncio
import signal

from support.eventually import eventually

from faults.client import Client, a_payment, an_invoice
from faults.deployment import Deployment

SOON_S = 30.0


async def test_row_1_an_api_killed_at_each_step_of_a_command_leaves_one_effect_and_one_answer(
    deployment: Deployment, company: Client
) -> None:
    await company.erp(an_invoice(company.tenant, "I-1", "100.00"))
    await deployment.restart_process("dispute-api", "append.before=kill")
    opening = asyncio.create_task(company.open_dispute("I-1", "40.00", key=f"{company.tenant}-the-key"))
    await deployment.died("dispute-api")
    for step in ("append.before_commit", "append.after_commit"):
        await deployment.start_process("dispute-api", f"{step}=kill")
        await deployment.died("dispute-api")
    await deployment.start_process("dispute-api")
    answer = await opening
    assert (answer.status, answer.json["version"]) == (201, 1)
    assert answer.headers["idempotent-replayed"] == "true"
    disputes = await company.get("dispute", "/v1/disputes")
    assert [each["dispute_id"] for each in disputes["items"]] == [answer.json["dispute_id"]]


async def test_row_1_an_api_killed_inside_the_statement_after_the_command_row_leaves_one_effect(
    deployment: Deployment, company: Client
) -> None:
    """The statement is held up between the row of the command and the first event by a lock that the test holds."""
    await company.erp(an_invoice(company.tenant, "I-1", "100.00"))
    async with deployment.database("dispute") as connection:
        await connection.execute(
            "CREATE FUNCTION public.hold_up() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS"
            " $$ BEGIN PERFORM pg_advisory_xact_lock(424242); RETURN NULL; END $$;"
            "GRANT EXECUTE ON FUNCTION public.hold_up TO PUBLIC;"
            "CREATE TRIGGER hold_up BEFORE INSERT ON es.event FOR EACH STATEMENT EXECUTE FUNCTION public.hold_up()"
        )
        try:
            await connection.execute("SELECT pg_advisory_lock(424242)")
            opening = asyncio.create_task(company.open_dispute("I-1", "40.00"))

            async def held_up() -> bool:
                return bool(
                    await connection.fetchval(
                        "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = 424242 AND NOT granted"
                    )
                )

            await eventually(held_up, SOON_S)
            await deployment.kill("dispute-api")
        finally:
            await connection.execute("SELECT pg_advisory_unlock_all()")
            await connection.execute("DROP TRIGGER hold_up ON es.event; DROP FUNCTION public.hold_up")
    await deployment.start_process("dispute-api")
    assert (await opening).status == 201
    assert len((await company.get("dispute", "/v1/disputes"))["items"]) == 1


async def test_row_1_a_door_of_the_erp_killed_at_each_step_takes_every_message_once(
    deployment: Deployment, company: Client
) -> None:
    items = [an_invoice(company.tenant, f"I-{number}", "10.00") for number in range(20)]
    await deployment.restart_process("collections-api", "intake.kept=kill")
    posting = asyncio.create_task(company.erp(*items))
    await deployment.died("collections-api")
    for step in ("append.before_commit", "append.after_commit", "intake.posted", "intake.before_answer"):
        await deployment.start_process("collections-api", f"{step}=kill")
        await deployment.died("collections-api")
    await deployment.start_process("collections-api")
    results = await posting
    assert set(results) <= {"accepted", "duplicate"}

    async def booked() -> bool:
        balance = await company.get("collections", "/v1/customers/C-1", role="collector")
        return [each["open"]["amount"] for each in balance["positions"]] == ["200.00"]

    await eventually(booked, SOON_S)


async def test_row_2_a_sequencer_killed_inside_and_after_its_commit_leaves_no_hole(
    deployment: Deployment, company: Client
) -> None:
    """Both sequencers of the service, that of the API and that of the worker, die of it."""
    answers = []
    for step in ("sequencer.before_commit", "sequencer.after_commit"):
        await asyncio.gather(
            deployment.restart_process("dispute-api", f"{step}=kill"),
            deployment.restart_process("dispute-worker", f"{step}=kill"),
        )
        opening = asyncio.create_task(company.open_dispute(f"U-{step}", "40.00"))
        await deployment.died("dispute-api")
        if step.endswith("before_commit"):
            await deployment.died("dispute-worker")
        await asyncio.gather(deployment.restart_process("dispute-api"), deployment.restart_process("dispute-worker"))
        answers.append((await opening).status)
    assert answers == [201, 201]
    await deployment.comes_to_rest()
    async with deployment.database("dispute") as connection:
        assert await connection.fetchval("SELECT count(*) = max(seq) AND min(seq) = 1 FROM es.log")
        assert not await connection.fetchval("SELECT count(*) FROM es.pending")


async def test_row_3_a_relay_killed_at_each_step_of_a_batch_repeats_and_skips_nothing(
    deployment: Deployment, company: Client
) -> None:
    steps = ("relay.before_send", "relay.after_send", "relay.after_ack", "relay.after_checkpoint")
    await deployment.kill("dispute-worker")
    for number, step in enumerate(steps):
        await company.open_dispute(f"U-{number}", "40.00")
        await deployment.start_process("dispute-worker", f"{step}=kill")
        await deployment.died("dispute-worker")
    await deployment.start_process("dispute-worker")

    async def heard() -> bool:
        async with deployment.database("notification") as connection:
            found = await connection.fetch(
                "SELECT event_id FROM read.heard_event WHERE tenant_id = $1 AND type = 'dispute-opened'", company.tenant
            )
        return len(found) == len(steps)

    await eventually(heard, SOON_S)


async def test_row_4_a_consumer_killed_before_inside_and_after_its_transaction_applies_everything_once(
    deployment: Deployment, company: Client
) -> None:
    await deployment.kill("collections-worker")
    await company.erp(*[an_invoice(company.tenant, f"I-{number}", "10.00") for number in range(5)])
    consumer = "movements"
    for number, step in enumerate(
        (
            "consumer.begun",
            "consumer.applied",
            "consumer.before_commit",
            "consumer.after_commit",
            "consumer.before_hint",
        )
    ):
        await company.erp(an_invoice(company.tenant, f"J-{number}", "10.00"))
        await deployment.start_process("collections-worker", f"{step}/{consumer}=kill")
        await deployment.died("collections-worker")
    await deployment.start_process("collections-worker")

    async def booked() -> bool:
        ageing = await company.get("collections", "/v1/ageing", role="collector", group_by="total")
        return [row["balance"]["amount"] for row in ageing["rows"]] == ["100.00"]

    await eventually(booked, SOON_S)


async def test_row_5_a_process_manager_killed_before_its_commit_opens_one_dispute_per_short_payment(
    deployment: Deployment, company: Client
) -> None:
    await deployment.kill("dispute-worker")
    await company.erp(
        an_invoice(company.tenant, "I-1", "100.00"),
        a_payment("P-1", {"I-1": "60.00"}, "60.00", remittance_reason="price"),
    )
    for step in ("consumer.applied", "consumer.before_commit", "consumer.after_commit"):
        await deployment.start_process("dispute-worker", f"{step}/contested-invoices:collections-service=kill")
        await deployment.died("dispute-worker")
        if step == "consumer.before_commit":
            await company.erp(an_invoice(company.tenant, "I-2", "10.00"))
    await deployment.start_process("dispute-worker")

    async def disputed() -> bool:
        found = (await company.get("dispute", "/v1/disputes"))["items"]
        return [(each["status"], each["open"]["amount"]) for each in found] == [("assigned", "40.00")]

    await eventually(disputed, SOON_S)


async def test_row_6_a_sender_killed_before_the_handover_is_replaced_and_after_it_nobody_sends_again(
    deployment: Deployment, company: Client
) -> None:
    """The mail of a sender that dies is left alone until its lease ends, half a minute later."""
    mails_at_the_end = {
        "smtp.before_connect": ("sent", 1),
        "smtp.before_handover": ("sent", 1),
        "smtp.after_handover": ("unknown", 0),
        "smtp.after_data": ("unknown", 1),
        "smtp.after_answer": ("unknown", 1),
    }
    await deployment.kill("notification-worker")
    for number, step in enumerate(mails_at_the_end, 1):
        await company.open_dispute(f"U-{number}", "10.00", customer=number)
        await deployment.start_process("notification-worker", f"{step}=kill")
        await deployment.died("notification-worker")
        await _look_again(deployment, company, "'infinity'")  # or on a slow machine a lease ends at the next step
    await _look_again(deployment, company, "(doc->>'due_at')::timestamptz")
    await deployment.start_process("notification-worker")
    addresses = [f"erika-{number}@{company.tenant}.example" for number in range(1, 6)]

    async def ended() -> bool:
        assert await _ends_of_notifications(deployment, company) == sorted(end for end, _ in mails_at_the_end.values())
        return True

    await eventually(ended, 60.0)
    mails = [path.name for path in deployment.blueprint.mail_folder.glob("*.eml")]
    arrived = [sum(address in mail for mail in mails) for address in addresses]
    assert arrived == [count for _, count in mails_at_the_end.values()]


async def _look_again(deployment: Deployment, company: Client, when: str) -> None:
    """When senders look next at what is in hand. Whether they may take it then, the log decides."""
    async with deployment.database("notification") as connection:
        await connection.execute(
            f"UPDATE read.notification_current SET due_at = {when} WHERE tenant_id = $1 AND status = 'sending'",
            company.tenant,
        )


async def _ends_of_notifications(deployment: Deployment, company: Client) -> list[str]:
    async with deployment.database("notification") as connection:
        rows = await connection.fetch(
            "SELECT status FROM read.notification_current WHERE tenant_id = $1 ORDER BY status", company.tenant
        )
    return [row["status"] for row in rows]


async def test_row_7_a_timer_killed_at_each_step_rings_once(deployment: Deployment, company: Client) -> None:
    """Promises that were over when they were recorded ring a day later; the test lets that day pass."""
    for number in range(3):
        answer = await company.open_dispute(f"U-{number}", "10.00", effective_at="2026-06-01T08:00:00Z")
        assert answer.status == 201, answer.body

    async def timers(state: str) -> int:
        async with deployment.database("dispute") as connection:
            count: int = await connection.fetchval(
                "SELECT count(*) FROM es.timer WHERE tenant_id = $1 AND state = $2", company.tenant, state
            )
        return count

    async def all_set() -> bool:
        return await timers("pending") == 3

    await eventually(all_set, SOON_S)
    await deployment.kill("dispute-worker")
    await _let_a_day_pass(deployment, company)
    for step in ("timer.counted", "timer.before_commit", "timer.after_commit"):
        await deployment.start_process("dispute-worker", f"{step}=kill")
        await deployment.died("dispute-worker")
        await _let_a_day_pass(deployment, company)  # and the pause of a timer during whose try the process died
    await deployment.start_process("dispute-worker")

    async def all_rang() -> bool:
        async with deployment.database("dispute") as connection:
            found = await connection.fetch(
                "SELECT count(*) AS n FROM es.event WHERE tenant_id = $1 AND type = 'sla-breached' GROUP BY stream_id",
                company.tenant,
            )
        return [row["n"] for row in found] == [1, 1, 1] and await timers("fired") == 3

    await eventually(all_rang, SOON_S)


async def _let_a_day_pass(deployment: Deployment, company: Client) -> None:
    async with deployment.database("dispute") as connection:
        await connection.execute(
            "UPDATE es.timer SET due_at = least(due_at, es.now()), attempts = 0"
            " WHERE tenant_id = $1 AND state = 'pending'",
            company.tenant,
        )


async def test_row_8_a_worker_that_stood_still_inside_its_transaction_is_fenced_and_changes_nothing(
    deployment: Deployment, company: Client
) -> None:
    """It stops before its commit. The database ends its session, another worker takes over, then it wakes up."""
    await deployment.restart_process("collections-worker", "consumer.before_commit/movements=stop")
    await company.erp(*[an_invoice(company.tenant, f"I-{number}", "10.00") for number in range(7)])
    await deployment.reached("collections-worker", "consumer.before_commit")
    async with deployment.second_worker("collections") as second:

        async def booked() -> bool:
            ageing = await company.get("collections", "/v1/ageing", role="collector", group_by="total")
            return [row["balance"]["amount"] for row in ageing["rows"]] == ["70.00"]

        await eventually(booked, SOON_S)
        deployment.resume("collections-worker")
        await company.erp(an_invoice(company.tenant, "I-8", "30.00"))

        async def booked_more() -> bool:
            ageing = await company.get("collections", "/v1/ageing", role="collector", group_by="total")
            return [row["balance"]["amount"] for row in ageing["rows"]] == ["100.00"]

        await eventually(booked_more, SOON_S)
        assert second.running


async def test_row_9_everything_killed_at_once_with_the_database_comes_back_by_itself(
    deployment: Deployment, company: Client
) -> None:
    working = [asyncio.create_task(company.open_dispute(f"U-{number}", "10.00")) for number in range(10)]
    await asyncio.sleep(0.2)  # somewhere in the middle; where exactly does not matter
    for service in deployment.services:
        for role in ("api", "worker"):
            deployment.process(f"{service}-{role}").signal(signal.SIGKILL)
    await deployment.crash_database()
    await deployment.mend()
    answers = await asyncio.gather(*working)
    assert [answer.status for answer in answers] == [201] * 10
    await deployment.comes_to_rest()
    assert len((await company.get("dispute", "/v1/disputes", limit=50))["items"]) == 10
