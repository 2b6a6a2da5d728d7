"""Two processes, a process that dies, messages at the same moment: each message has one effect, and none is lost."""

import asyncio
from datetime import timedelta

import asyncpg
from support.clock import SetClock
from support.collections_office import Office, invoice, make_intake, payment, results, reversal

from collections_service.erp_intake.intake import Intake
from collections_service.erp_intake.message_store import MessageStore
from collections_service.erp_intake.sweep import Sweep


def another_process(office: Office, clock: SetClock) -> Intake:
    return make_intake(office.worker_log, office.parts.vault, clock, office.mapping)


async def forget(office: Office, result: str, source_event_id: str) -> None:
    """As if the process had died before it could write down what became of the message."""
    connection = await asyncpg.connect(office.database.owner)
    await connection.execute(
        "UPDATE erp.message SET result = $1, waits_for = CASE WHEN $1 = 'waiting' THEN 'invoice INV-1' END"
        " WHERE source_event_id = $2",
        result,
        source_event_id,
    )
    await connection.close()


async def sweep(office: Office, clock: SetClock) -> int:
    store = MessageStore(office.worker_log.pool)
    return await Sweep(another_process(office, clock), store, clock).once()


async def test_what_waits_although_its_invoice_is_there_is_found_by_the_sweep(office: Office, clock: SetClock):
    await office.erp(payment())
    await office.accepted(invoice(source_event_id="x"))
    await office.accepted(invoice("INV-2"))
    await forget(office, "waiting", "received P-1")

    assert await sweep(office, clock) == 1
    assert await sweep(office, clock) == 0
    assert (await office.get("/v1/erp/sources/sap/health", role="erp"))["counts"] == {"accepted": 3}


async def test_a_message_a_process_died_over_is_taken_after_a_while(office: Office, clock: SetClock):
    await office.accepted(invoice())
    await office.erp(payment())
    await forget(office, "received", "received P-1")

    assert await sweep(office, clock) == 0
    clock.advance(seconds=6)
    assert await sweep(office, clock) == 1

    shown = await office.get("/v1/invoices/INV-1")
    assert (shown["open"]["amount"], len(shown["payments"])) == ("0.00", 1)
    assert (await office.get("/v1/erp/sources/sap/health", role="erp"))["counts"] == {"accepted": 2}


async def test_the_same_batch_twice_at_the_same_moment_has_one_effect(office: Office):
    batch = [invoice(f"INV-{n}") for n in range(1, 21)]
    batch += [payment(f"P-{n}", pays={f"INV-{n}": "1000.00"}) for n in range(1, 21)]

    first, second = await asyncio.gather(office.erp(*batch), office.erp(*batch))

    for one, other in zip(results(first), results(second), strict=True):
        assert sorted([one, other]) in (["accepted", "duplicate"], ["accepted", "accepted"], ["duplicate", "duplicate"])
    await office.follow()
    (row,) = (await office.get("/v1/ageing", as_of="2026-02-19"))["rows"]
    assert (row["open"]["amount"], row["open_invoices"]) == ("20000.00", 20)
    assert (await office.get("/v1/ageing", as_of="2026-02-20"))["rows"] == []


async def test_many_payments_of_one_invoice_at_the_same_moment_are_all_applied(office: Office):
    await office.accepted(invoice())

    await asyncio.gather(
        *(office.accepted(payment(f"P-{n}", amount="10.00", pays={"INV-1": "10.00"})) for n in range(20))
    )

    assert (await office.get("/v1/invoices/INV-1"))["open"]["amount"] == "800.00"


async def test_one_payment_may_pay_a_hundred_invoices(office: Office):
    await office.accepted(*(invoice(f"INV-{n}", total="10.00") for n in range(100)))

    await office.accepted(payment(pays={f"INV-{n}": "10.00" for n in range(100)}))

    assert (await office.get("/v1/invoices", open="true"))["items"] == []


async def test_an_erased_customers_waiting_message_is_given_up_by_name(office: Office):
    await office.erp(payment())
    await office.parts.vault.erase("demo", "customer:C-1")

    await office.accepted(invoice())

    (refused,) = (await office.get("/v1/erp/sources/sap/health", role="erp"))["rejected"]
    assert refused["code"] == "erased"


async def test_a_reversal_of_a_payment_of_another_source_waits(office: Office):
    await office.accepted(invoice(), payment())

    (waits,) = await office.erp(reversal(source="oracle"))

    assert waits["waits_for"] == "payment oracle P-1"


async def test_control_numbers_tell_gaps_and_backward_jumps(office: Office, clock: SetClock):
    numbers = [100, 101, 105, 103, 106]
    await office.accepted(*(invoice(f"INV-{n}", control_number=n) for n in numbers))
    clock.advance(minutes=1)

    health = await office.get("/v1/erp/sources/sap/health", role="erp")

    assert (health["control_numbers"]["highest"], health["control_numbers"]["gaps"]) == (106, 1)
    assert health["control_numbers"]["backward_jumps"] == 1
    assert health["last_received_age_s"] >= timedelta(minutes=1).total_seconds()
