"""A message over which something fails on our side: the others of its batch, of its tenant and of all tenants go on."""

from typing import Any

import msgspec
import pytest
from support.clock import SetClock
from support.collections_office import Office, invoice, message, payment, results, take

from collections_service.erp.message_store import MessageStore
from collections_service.erp.sweep import Sweep
from collections_service.erp.taking import Sender
from redress.eventlog.events import Actor
from redress.eventlog.log import EventLog, LogUnavailable
from redress.handling.command import CommandContext, CommandResult
from redress.handling.command_runner import CommandJob, CommandRunner

POISONED = "INV-POISON"
SENDER = Sender(actor=Actor("service", "sap"), via="http", correlation_id="r-1")


class Failing(CommandRunner):
    """Over which some postings fail."""

    def __init__(self, log: EventLog, failure: Exception | None, only: str | None = None) -> None:
        super().__init__(log)
        self.failure = failure
        self._only = only

    async def run_cached(self, context: CommandContext, job: CommandJob) -> CommandResult:
        if self.failure is not None and (self._only is None or context.key.endswith(self._only)):
            raise self.failure
        return await super().run_cached(context, job)


def a_sweep(office: Office, runner: CommandRunner | None = None) -> Sweep:
    return Sweep(office.worker_intake(runner), MessageStore(office.worker), office.clock)


async def die_over(office: Office, tenant_id: str, *items: dict[str, Any]) -> None:
    """The messages are kept, and the process dies before anything comes of them."""
    intake = office.other_intake(Failing(office.log, LogUnavailable("dying")))
    with pytest.raises(LogUnavailable):
        await intake.take(tenant_id, [msgspec.json.encode(item) for item in items], SENDER)


async def test_an_unforeseen_failure_over_one_item_leaves_it_received_and_takes_the_others(
    office: Office, clock: SetClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    runner = office.running.parts.runner
    monkeypatch.setattr(runner, "run_cached", Failing(office.log, KeyError("a defect"), only=POISONED).run_cached)

    response = await office.post([invoice("INV-1"), invoice(POISONED), invoice("INV-2")])

    body = response.json()
    assert results(body["items"]) == ["accepted", "received", "accepted"]
    assert body["counts"] == {"accepted": 2, "duplicate": 0, "rejected": 0, "waiting": 0, "received": 1}
    assert body["items"][1]["code"] == "failed_for_now"
    health = await office.get("/v1/erp/sources/sap/health", role="erp")
    assert [each["source_event_id"] for each in health["failing"]] == [f"posted {POISONED}"]

    clock.advance(minutes=1)
    assert await a_sweep(office).once() == 1
    await office.get(f"/v1/invoices/{POISONED}")


async def test_over_the_topic_the_messages_behind_it_are_taken(office: Office) -> None:
    runner = Failing(office.worker_log, KeyError("a defect"), only=POISONED)

    assert await take(office, message(invoice(POISONED)), message(invoice("INV-1")), runner=runner) == []

    await office.get("/v1/invoices/INV-1")


@pytest.mark.parametrize("failure", [KeyError("a defect"), LogUnavailable("a statement timeout, every time")])
async def test_the_sweep_takes_the_others_of_all_tenants_and_comes_back_to_it_later(
    office: Office, clock: SetClock, failure: Exception
) -> None:
    await die_over(office, "acme", invoice("INV-1"))
    await die_over(office, "demo", invoice(POISONED), invoice("INV-1"), invoice("INV-2"))
    await die_over(office, "zeta", invoice("INV-1"))
    clock.advance(minutes=1)
    failing = Failing(office.worker_log, failure, only=POISONED)
    sweep = a_sweep(office, failing)

    await sweep.once()

    for tenant, invoice_id in (("acme", "INV-1"), ("demo", "INV-1"), ("demo", "INV-2"), ("zeta", "INV-1")):
        await office.get(f"/v1/invoices/{invoice_id}", tenant=tenant)

    async def noted() -> tuple[int, str]:
        row = await office.worker.fetchrow(
            "SELECT failures, result FROM erp.message WHERE source_event_id = 'posted INV-POISON'"
        )
        assert row is not None
        return row["failures"], row["result"]

    assert await noted() == (1, "received")

    assert await sweep.once() == 0
    assert await noted() == (1, "received"), "not before its time has come again"

    clock.advance(seconds=6)
    await sweep.once()
    assert await noted() == (2, "received")

    failing.failure = None
    clock.advance(minutes=1)
    assert await sweep.once() == 1
    await office.get(f"/v1/invoices/{POISONED}")


async def test_a_message_that_cannot_even_be_opened_again_stops_nobody(office: Office, clock: SetClock) -> None:
    await office.erp(payment(pays={"INV-1": "1000.00"}), {**payment("P-2"), "customer_id": "C-2"})
    broken = await office.vault.seal("demo", "customer:C-2", "base64:x")
    await office.worker.execute("UPDATE erp.message SET raw = $1 WHERE person = 'customer:C-2'", [broken.box])

    await office.accepted(invoice())

    assert (await office.get("/v1/invoices/INV-1"))["status"] == "settled"
    health = await office.get("/v1/erp/sources/sap/health", role="erp")
    assert [(each["source_event_id"], each["code"]) for each in health["waiting"]] == [
        ("received P-2", "failed_for_now")
    ]
