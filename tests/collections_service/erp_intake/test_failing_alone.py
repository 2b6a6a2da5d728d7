"""A message over which something fails on our side: the others of its batch, of its tenant and of all tenants go on."""

import msgspec
import pytest
from support.clock import SetClock
from support.collections_office import Office, invoice, make_intake, message, payment, results, take

from collections_service.erp_intake.intake import Intake, Sender
from collections_service.erp_intake.message_store import MessageStore
from collections_service.erp_intake.sweep import Sweep
from redress.eventlog.events import Actor
from redress.eventlog.log import LogUnavailable

POISONED = "INV-POISON"
SENDER = Sender(actor=Actor("service", "sap"), via="http", correlation_id="r-1")


class Failing:
    """A ledger over which some postings fail."""

    def __init__(self, intake: Intake, failure: Exception, only: str | None = None) -> None:
        self.failure: Exception | None = failure
        self._only = only
        self._post = intake._ledger.post
        intake._ledger.post = self.post

    async def post(self, tenant_id: str, posting):
        if self.failure is not None and (self._only is None or posting.command.invoice_id == self._only):
            raise self.failure
        return await self._post(tenant_id, posting)


def a_sweep(office: Office, clock: SetClock) -> tuple[Sweep, Intake]:
    intake = make_intake(office.worker_log, office.parts.vault, clock, office.mapping)
    return Sweep(intake, MessageStore(office.worker), clock), intake


async def die_over(office: Office, tenant_id: str, *items: dict) -> None:
    """The messages are kept, and the process dies before anything comes of them."""
    intake = make_intake(office.log, office.parts.vault, office.parts.clock, office.mapping)
    Failing(intake, LogUnavailable("dying"))
    with pytest.raises(LogUnavailable):
        await intake.take(tenant_id, [msgspec.json.encode(item) for item in items], SENDER)


async def test_an_unforeseen_failure_over_one_item_leaves_it_received_and_takes_the_others(
    office: Office, clock: SetClock
) -> None:
    failing = Failing(office.parts.intake, KeyError("a defect"), only=POISONED)

    response = await office.post([invoice("INV-1"), invoice(POISONED), invoice("INV-2")])

    body = response.json()
    assert results(body["items"]) == ["accepted", "received", "accepted"]
    assert body["counts"] == {"accepted": 2, "duplicate": 0, "rejected": 0, "waiting": 0, "received": 1}
    assert body["items"][1]["code"] == "failed_for_now"
    health = await office.get("/v1/erp/sources/sap/health", role="erp")
    assert [each["source_event_id"] for each in health["failing"]] == [f"posted {POISONED}"]

    failing.failure = None
    clock.advance(minutes=1)
    sweep, _ = a_sweep(office, clock)
    assert await sweep.once() == 1
    await office.get(f"/v1/invoices/{POISONED}")


async def test_over_the_topic_the_messages_behind_it_are_taken(office: Office) -> None:
    Failing(office.worker_intake, KeyError("a defect"), only=POISONED)

    assert await take(office, message(invoice(POISONED)), message(invoice("INV-1"))) == []

    await office.get("/v1/invoices/INV-1")


@pytest.mark.parametrize("failure", [KeyError("a defect"), LogUnavailable("a statement timeout, every time")])
async def test_the_sweep_takes_the_others_of_all_tenants_and_comes_back_to_it_later(
    office: Office, clock: SetClock, failure: Exception
) -> None:
    await die_over(office, "acme", invoice("INV-1"))
    await die_over(office, "demo", invoice(POISONED), invoice("INV-1"), invoice("INV-2"))
    await die_over(office, "zeta", invoice("INV-1"))
    clock.advance(minutes=1)
    sweep, intake = a_sweep(office, clock)
    failing = Failing(intake, failure, only=POISONED)

    await sweep.once()

    for tenant, invoice_id in (("acme", "INV-1"), ("demo", "INV-1"), ("demo", "INV-2"), ("zeta", "INV-1")):
        await office.get(f"/v1/invoices/{invoice_id}", tenant=tenant)
    noted = "SELECT failures, result FROM erp.message WHERE source_event_id = 'posted INV-POISON'"
    assert tuple(await office.worker.fetchrow(noted)) == (1, "received")

    assert await sweep.once() == 0
    assert tuple(await office.worker.fetchrow(noted)) == (1, "received"), "not before its time has come again"

    clock.advance(seconds=6)
    await sweep.once()
    assert tuple(await office.worker.fetchrow(noted)) == (2, "received")

    failing.failure = None
    clock.advance(minutes=1)
    assert await sweep.once() == 1
    await office.get(f"/v1/invoices/{POISONED}")


async def test_a_message_that_cannot_even_be_opened_again_stops_nobody(office: Office, clock: SetClock) -> None:
    await office.erp(payment(pays={"INV-1": "1000.00"}), {**payment("P-2"), "customer_id": "C-2"})
    broken = await office.parts.vault.seal("demo", "customer:C-2", "base64:x")
    await office.worker.execute("UPDATE erp.message SET raw = $1 WHERE person = 'customer:C-2'", [broken.box])

    await office.accepted(invoice())

    assert (await office.get("/v1/invoices/INV-1"))["status"] == "settled"
    health = await office.get("/v1/erp/sources/sap/health", role="erp")
    assert [(each["source_event_id"], each["code"]) for each in health["waiting"]] == [
        ("received P-2", "failed_for_now")
    ]
