"""What the world is told, and that it is told the same each time."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from msgspec import structs
from support.notification_examples import DISPUTE, EVENT, NOON, NOTICE

from notification_service.notices.reasons import Reason
from notification_service.notifications.events import (
    HandoverStarted,
    NotificationEvent,
    NotificationFailed,
    NotificationQueued,
    NotificationSent,
    NotificationSkipped,
    NotificationSuppressed,
    OutcomeUnknown,
    SendingPostponed,
    SendingStarted,
)
from notification_service.notifications.stream import NOTIFICATION, notification_id
from notification_service.service import SERVICE
from redress.contracts import notification_events as contract
from redress.contracts.catalogue import catalogue
from redress.contracts.envelope import PublishedEvent
from redress.decider import LoadedStream
from redress.eventlog.events import Actor, Meta
from redress.eventlog.memory import InMemoryEventLog
from redress.handling.unit_of_work import Cause, write_on
from redress.ids import public_id
from redress.service.composition import publication

STREAM = notification_id("demo", NOTICE)
QUEUED = NotificationQueued(notice=NOTICE, explanation="to be sent")
STARTED = SendingStarted(attempt=1, lease_until=NOON)
HANDOVER = HandoverStarted(
    attempt=1, message_id="<n@host>", language="de", wording="acknowledgement@1", rendered_sha256="ab"
)
SUMMARY = contract.NotificationSummary(
    notification_id=public_id("ntf", STREAM),
    cause=EVENT,
    subject=contract.NotificationSubject(type="dispute", id=DISPUTE),
    dispute_id=DISPUTE,
    template="acknowledgement",
    channel="email",
    language="de",
    status="queued",
)


async def published(*events: NotificationEvent) -> list[PublishedEvent]:
    """Append the events one by one, publish the whole log; the published data."""
    log = InMemoryEventLog()
    loaded = LoadedStream(STREAM, 0, NOTIFICATION.initial)
    for number, event in enumerate(events):
        meta = Meta(actor=Actor("system", "sender"), command_id=str(number), correlation_id="r-1", causation_id=EVENT)
        cause = Cause(meta, datetime(2026, 11, 23, tzinfo=UTC))
        stream_write, state = write_on(NOTIFICATION, loaded, [event], cause)
        await log.append("demo", [stream_write])
        loaded = LoadedStream(STREAM, loaded.version + 1, state)
    await log.sequence()
    stored = await log.read_log(0, 100)
    at_once = await publication(SERVICE, log).publish(stored)
    one_by_one = [each for event in stored for each in await publication(SERVICE, log).publish([event])]
    assert at_once == one_by_one
    return at_once


def data(event: PublishedEvent) -> contract.NotificationEvent:
    decoded: contract.NotificationEvent = msgspec.json.decode(event.data, type=contract.NotificationEvent)
    return decoded


@pytest.mark.parametrize(
    ("history", "told"),
    [
        ([QUEUED], contract.NotificationQueued(notification=SUMMARY)),
        (
            [NotificationSuppressed(notice=NOTICE, reason=Reason.HISTORICAL, explanation="old")],
            contract.NotificationSkipped(notification=structs.replace(SUMMARY, status="skipped", reason="historical")),
        ),
        (
            [QUEUED, STARTED, HANDOVER, NotificationSent(attempt=1, message_id="<n@host>", server_code="250")],
            contract.NotificationSent(notification=structs.replace(SUMMARY, status="sent"), message_id="<n@host>"),
        ),
        (
            [QUEUED, STARTED, NotificationFailed(attempt=1, reason=Reason.REJECTED, detail="no")],
            contract.NotificationFailed(notification=structs.replace(SUMMARY, status="failed", reason="rejected")),
        ),
        (
            [QUEUED, STARTED, HANDOVER, OutcomeUnknown(attempt=1, reason=Reason.CUT_AFTER_DATA)],
            contract.NotificationUnknown(
                notification=structs.replace(SUMMARY, status="unknown", reason="cut_after_data")
            ),
        ),
        (
            [QUEUED, STARTED, NotificationSkipped(attempt=1, reason=Reason.MOOT_PAID, explanation="paid")],
            contract.NotificationSkipped(notification=structs.replace(SUMMARY, status="skipped", reason="moot_paid")),
        ),
    ],
)
async def test_each_end_is_told_with_its_reason(
    history: list[NotificationEvent], told: contract.NotificationEvent
) -> None:
    events = await published(*history)
    assert data(events[-1]) == told
    assert events[-1].type == type(told).__struct_config__.tag
    assert {contract.name for contract in catalogue()} >= {event.type for event in events}


async def test_attempts_are_nobody_elses_business() -> None:
    events = await published(
        QUEUED,
        STARTED,
        SendingPostponed(attempt=1, reason=Reason.SERVER_UNREACHABLE, retry_at=NOON),
        structs.replace(STARTED, attempt=2),
        structs.replace(HANDOVER, attempt=2),
    )
    assert [event.type for event in events] == ["notification-queued"]


async def test_the_envelope_says_what_it_belongs_to() -> None:
    (event,) = await published(QUEUED)
    assert (event.source, event.tenant, event.subject, event.seq, event.version) == (
        "/redress/notification-service/main",
        "demo",
        STREAM,
        1,
        1,
    )
    assert (event.causation_id, event.correlation_id, event.actor) == (EVENT, "r-1", "system:sender")
    assert event.dataschema == "urn:redress:notification-queued:v1"
    assert event.effective_at == datetime(2026, 11, 23, tzinfo=UTC) + timedelta(0)
    assert event.id.startswith("evt_")


async def test_nothing_personal_is_published() -> None:
    (event,) = await published(QUEUED)
    assert b"person:" not in bytes(event.data)
    assert b"box" not in bytes(event.data)
