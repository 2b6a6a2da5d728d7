"""From a queued notification to a mail in a real server, and to the right end whatever happens in between."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from email.message import EmailMessage
from functools import partial
from typing import Any

import asyncpg
import pytest
from msgspec import structs
from support.eventually import eventually
from support.notification_examples import NOON, eur
from support.notification_house import House
from support.policies import publish
from support.published_disputes import contact, dispute, published, question, resolved

from notification_service.notifications.policy import SENDING
from redress.contracts.dispute_events import (
    DisputeAmountReduced,
    DisputeAssigned,
    DisputeInformationRequested,
    DisputeOpened,
    DisputeResolved,
    DisputeSummary,
    DisputeWithdrawn,
)
from redress.eventlog.events import AppendResult, CommandRecord, StreamWrite
from redress.eventlog.log import LogUnavailable


async def opened(
    house: House, number: int = 1, email: str = "maria@kunde.example", language: str = "de"
) -> DisputeSummary:
    maria = await contact(house.vault, "Maria Weber", email, language)
    summary = dispute(number, contact=maria)
    await house.hear(published(DisputeOpened(dispute=summary)))
    return summary


async def statuses(house: House) -> list[tuple[str, str | None]]:
    return [row[1:] for row in await house.rows()]


def _plain(mail: EmailMessage) -> str:
    body = mail.get_body(("plain",))
    assert body is not None
    return str(body.get_content())


async def test_a_queued_notification_becomes_a_mail(house: House) -> None:
    summary = await opened(house)
    await house.sender().until_idle()
    assert await statuses(house) == [("sent", None)]
    assert await house.names() == ["notification-queued", "sending-started", "handover-started", "notification-sent"]
    (mail,) = house.mails.received
    assert mail["Subject"] == f"Eingang Ihrer Beanstandung [{summary.dispute_id}]"
    assert mail["To"] == "Maria Weber <maria@kunde.example>"
    assert "1.234,50 EUR" in _plain(mail)
    assert "Sehr geehrte/r Maria Weber," in _plain(mail)


async def test_an_english_reader_gets_english(house: House) -> None:
    await opened(house, language="en")
    await house.sender().until_idle()
    (mail,) = house.mails.received
    assert "€1,234.50" in _plain(mail)
    assert mail["Content-Language"] == "en"


async def test_the_mails_of_a_dispute_are_one_thread(house: House) -> None:
    summary = await opened(house)
    asked = DisputeInformationRequested(
        dispute=structs.replace(summary, status="awaiting_customer"),
        asked="customer",
        what=await question(house.vault, "Lieferschein"),
        due=NOON.date(),
    )
    await house.hear(published(asked, 2, at=NOON + timedelta(seconds=1)))
    house.clock.advance(seconds=1)
    await house.sender().until_idle()
    first, second = house.mails.received
    assert first["References"] == second["References"] == second["In-Reply-To"]
    assert first["Message-ID"] != second["Message-ID"]
    assert "Lieferschein" in _plain(second)


async def test_nothing_is_sent_twice(house: House) -> None:
    await opened(house)
    await house.sender().until_idle()
    await house.sender().until_idle()
    house.clock.advance(days=30)
    await house.sender().until_idle()
    assert len(house.mails.received) == 1


async def test_two_senders_send_each_mail_once(house: House) -> None:
    for number in range(12):
        await opened(house, number)
    await asyncio.gather(*(house.sender().until_idle() for _ in range(3)))
    assert await statuses(house) == [("sent", None)] * 12
    assert len(house.mails.received) == 12


async def test_a_temporary_refusal_is_tried_again_after_its_pause(house: House) -> None:
    await opened(house)
    house.mails.rcpt = ["451 4.7.1 greylisted"]
    await house.sender().until_idle()
    assert await statuses(house) == [("queued", "temporarily_rejected")]
    house.clock.advance(seconds=14)
    await house.sender().until_idle()
    assert await statuses(house) == [("queued", "temporarily_rejected")]
    house.clock.advance(seconds=1)
    await house.sender().until_idle()
    assert await statuses(house) == [("sent", None)]


async def test_attempts_come_to_an_end(house: House) -> None:
    await opened(house)
    house.mails.rcpt = ["451 4.7.1 never ready"] * 9
    await publish(house.log, SENDING, {"pauses": [1, 2]})
    for _ in range(5):
        await house.sender().until_idle()
        house.clock.advance(minutes=1)
    assert await statuses(house) == [("failed", "attempts_exhausted")]
    assert (await house.names()).count("sending-started") == 3


async def test_a_final_refusal_fails(house: House) -> None:
    await opened(house)
    house.mails.rcpt = ["550 5.1.1 <maria@kunde.example> unknown"]
    await house.sender().until_idle()
    assert await statuses(house) == [("failed", "rejected")]


async def test_a_cut_after_the_final_dot_is_unknown_for_ever(house: House) -> None:
    await opened(house)
    house.mails.cut = "after-data"
    await house.sender().until_idle()
    assert await statuses(house) == [("unknown", "cut_after_data")]
    house.mails.cut = None
    house.clock.advance(days=30)
    await house.sender().until_idle()
    assert await statuses(house) == [("unknown", "cut_after_data")]
    assert len(house.mails.received) == 1


async def _a_sender_dies(house: House, *, silent_at: str, after: str) -> None:
    """While it waits for the mail server, which has heard it say `after`."""
    house.mails.silent_at = silent_at
    dying = asyncio.create_task(house.sender().run())
    await eventually(lambda: _begun(house, after))
    dying.cancel()
    await asyncio.gather(dying, return_exceptions=True)


async def test_a_sender_killed_before_the_handover_is_replaced(house: House) -> None:
    await opened(house)
    await _a_sender_dies(house, silent_at="rcpt", after="RCPT")
    house.mails.silent_at = None
    assert await statuses(house) == [("sending", None)]
    house.clock.advance(hours=1)
    await house.sender().until_idle()
    assert await statuses(house) == [("sent", None)]
    assert len(house.mails.received) == 1


async def test_a_sender_killed_after_the_handover_leaves_an_unknown_outcome(house: House) -> None:
    await opened(house)
    await _a_sender_dies(house, silent_at="after-data", after="DATA")
    house.clock.advance(hours=1)
    await house.sender().until_idle()
    assert await statuses(house) == [("unknown", "sender_lost_after_data")]
    assert len(house.mails.received) == 1


async def test_what_a_dead_sender_had_in_hand_is_taken_up_within_a_minute(house: House) -> None:
    await opened(house)
    await _a_sender_dies(house, silent_at="rcpt", after="RCPT")
    house.mails.silent_at = None
    await house.sender().until_idle()
    assert await statuses(house) == [("sending", None)]  # it might still live
    house.clock.advance(seconds=30)
    await house.sender().until_idle()
    assert await statuses(house) == [("sent", None)]


@pytest.mark.parametrize("slow_at", ["rcpt", "after-data"])
async def test_a_mail_in_hand_of_a_sender_whose_mail_server_is_slow_is_left_to_it(house: House, slow_at: str) -> None:
    """It renews its lease: hours may pass, and another sender finds nothing to do."""
    await opened(house)
    house.mails.silent_at = slow_at
    patient = asyncio.create_task(house.sender(renew_s=0.05, patience_s=60.0).run())
    await eventually(lambda: _begun(house, "RCPT" if slow_at == "rcpt" else "DATA"))
    for _ in range(3):
        renewed = (await house.names()).count("sending-continued")
        house.clock.advance(seconds=25)
        await eventually(partial(_renewed_since, house, renewed))
        await house.sender().until_idle()
    assert await statuses(house) == [("sending", None)]
    assert (await house.names()).count("sending-started") == 1
    house.mails.speak()
    await eventually(lambda: _sent(house))
    patient.cancel()
    await asyncio.gather(patient, return_exceptions=True)
    assert len(house.mails.received) == 1


async def test_a_sender_that_stood_still_longer_than_its_lease_sends_nothing_of_what_another_one_took(
    house: House,
) -> None:
    await opened(house)
    house.mails.silent_at = "rcpt"
    stood_still = asyncio.create_task(house.sender(patience_s=60.0).run())
    await eventually(lambda: _begun(house, "RCPT"))
    house.clock.advance(seconds=30)
    asleep, house.mails.silent_at = house.mails.silent_at, None
    assert asleep == "rcpt"
    await house.sender().until_idle()
    house.mails.speak()
    await eventually(lambda: _ended(house, "QUIT", 2))
    stood_still.cancel()
    await asyncio.gather(stood_still, return_exceptions=True)
    assert await statuses(house) == [("sent", None)]
    assert len(house.mails.received) == 1


async def test_a_sender_that_never_hears_of_its_appends_records_what_became_of_the_mail(house: House) -> None:
    """The renewal and the outcome are stored, and their answers are lost: the same events again are no conflict."""

    class LosesAnswers:
        def __init__(self) -> None:
            self.lost: list[str] = []

        async def append(
            self, tenant_id: str, writes: Sequence[StreamWrite], command: CommandRecord | None = None
        ) -> AppendResult:
            appended = await house.log.append(tenant_id, writes, command)
            (event,) = writes[0].events
            if event.type not in {"sending-started", "handover-started", *self.lost}:
                self.lost.append(event.type)
                raise LogUnavailable
            return appended

        def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the log has
            return getattr(house.log, name)

    await opened(house)
    house.mails.silent_at = "rcpt"
    log = LosesAnswers()
    sending = asyncio.create_task(house.sender(log=log, renew_s=0.05, patience_s=60.0).run())
    await eventually(lambda: _begun(house, "RCPT"))
    house.clock.advance(seconds=5)
    await eventually(lambda: _renewed_since(house, 0))
    house.mails.speak()
    await eventually(lambda: _sent(house))
    sending.cancel()
    await asyncio.gather(sending, return_exceptions=True)
    assert log.lost == ["sending-continued", "notification-sent"]
    assert len(house.mails.received) == 1


async def test_a_sender_that_is_stopped_finishes_the_mail_in_hand(house: House) -> None:
    await opened(house)
    sender = house.sender()
    running = asyncio.create_task(sender.run())
    await eventually(lambda: _begun(house, "MAIL"))
    sender.stop()
    await asyncio.wait_for(running, 5.0)
    assert await statuses(house) == [("sent", None)]


async def test_a_dispute_paid_in_the_meantime_is_not_acknowledged(house: House) -> None:
    summary = await opened(house)
    paid = resolved(summary, "CUSTOMER_PAID")
    reduced = DisputeAmountReduced(
        dispute=structs.replace(summary, open=eur("0.00")),
        cause="payment",
        invoice_id="4711",
        reduced_by=eur("1234.50"),
    )
    outcome = DisputeResolved(
        dispute=paid,
        resolution_code="CUSTOMER_PAID",
        credit_due=eur("0.00"),
        rejected=eur("0.00"),
        written_off=eur("0.00"),
        paid=eur("1234.50"),
        by_ledger=True,
    )
    await house.hear(published(reduced, 2), published(outcome, 3))
    await house.sender().until_idle()
    assert await statuses(house) == [("skipped", "moot_paid"), ("sent", None)]
    (mail,) = house.mails.received
    assert "Von Ihnen bezahlt: 1.234,50 EUR" in _plain(mail)


async def test_a_full_payment_alone_makes_the_acknowledgement_moot(house: House) -> None:
    summary = await opened(house)
    reduced = DisputeAmountReduced(
        dispute=structs.replace(summary, open=eur("0.00")),
        cause="payment",
        invoice_id="4711",
        reduced_by=eur("1234.50"),
    )
    await house.hear(published(reduced, 2))
    await house.sender().until_idle()
    assert await statuses(house) == [("skipped", "moot_paid")]


async def test_a_withdrawn_dispute_is_not_acknowledged(house: House) -> None:
    summary = await opened(house)
    await house.hear(published(DisputeWithdrawn(dispute=structs.replace(summary, status="withdrawn"), reason="x"), 2))
    await house.sender().until_idle()
    assert await statuses(house) == [("skipped", "moot_withdrawn")]
    assert house.mails.commands == []


async def test_only_the_last_owner_is_told_when_a_dispute_moves_on_at_once(house: House) -> None:
    first = dispute(owner="anna@muster.example", status="assigned")
    second = dispute(owner="bert@muster.example", status="assigned")
    await house.hear(
        published(DisputeAssigned(dispute=first, by="matrix", explanation="a"), 2),
        published(
            DisputeAssigned(dispute=second, by="person", explanation="b", previous_owner="anna@muster.example"), 3
        ),
    )
    await house.sender().until_idle()
    assert sorted(await statuses(house)) == [("sent", None), ("skipped", "moot_reassigned")]
    assert house.mails.recipients == ["bert@muster.example"]


async def test_an_erased_person_gets_no_mail(house: House) -> None:
    await opened(house)
    await house.vault.erase("demo", house.vault.person_of_email("demo", "maria@kunde.example"))
    await house.sender().until_idle()
    assert await statuses(house) == [("skipped", "erased")]


async def test_an_address_that_is_none_fails_and_says_so(house: House) -> None:
    await opened(house, email="maria at kunde")
    await house.sender().until_idle()
    assert await statuses(house) == [("failed", "bad_address")]


async def test_nothing_personal_is_readable_in_the_log(house: House) -> None:
    await opened(house)
    house.mails.rcpt = ["550 5.1.1 <maria@kunde.example> Maria Weber is unknown"]
    await house.sender().until_idle()
    connection = await asyncpg.connect(house.database.superuser)
    try:
        events = await connection.fetch("SELECT payload, meta FROM es.event")
        docs = await connection.fetch("SELECT doc::text AS doc FROM read.notification_current")
    finally:
        await connection.close()
    everything = b"".join(row["payload"] + row["meta"] for row in events) + "".join(r["doc"] for r in docs).encode()
    assert b"maria@kunde" not in everything
    assert b"Weber" not in everything


async def _begun(house: House, command: str) -> bool:
    return command in house.mails.commands


async def _renewed_since(house: House, before: int) -> bool:
    return (await house.names()).count("sending-continued") > before


async def _sent(house: House) -> bool:
    return await statuses(house) == [("sent", None)]


async def _ended(house: House, command: str, times: int) -> bool:
    return house.mails.commands.count(command) == times
