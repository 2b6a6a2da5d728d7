"""From what this service stores to what it publishes: queued, sent, failed, unknown, skipped. The rest is internal."""

from collections import OrderedDict
from collections.abc import Sequence
from uuid import UUID

import msgspec
from msgspec import Raw, Struct

from notification_service.notices.notice import dispute_id_of
from notification_service.notifications.events import (
    NotificationEvent,
    NotificationFailed,
    NotificationQueued,
    NotificationSent,
    NotificationSkipped,
    NotificationSuppressed,
    OutcomeUnknown,
)
from notification_service.notifications.state import Notification
from notification_service.notifications.stream import NOTIFICATION
from notification_service.wording.language import choose
from redress.contracts import notification_events as contract
from redress.contracts.catalogue import dataschema
from redress.contracts.envelope import Published
from redress.eventlog.aggregates import fold
from redress.eventlog.events import RecordedEvent, decode_meta
from redress.eventlog.log import EventLog
from redress.ids import public_id

KEPT_FOLDS = 10_000  # notifications in flight; one more is read again from its stream


class Fold(Struct, frozen=True):
    version: int
    state: Notification


class NotificationPublication:
    """The public face of this service's log."""

    def __init__(self, log: EventLog) -> None:
        self._log = log
        self._folds: OrderedDict[UUID, Fold] = OrderedDict()

    async def publish(self, events: Sequence[RecordedEvent]) -> list[Published]:
        """The published events of these stored ones, in order."""
        epoch = await self._log.epoch()
        published: list[Published] = []
        for stored in events:
            if stored.stream_type != NOTIFICATION.stream_type:
                continue
            event = NOTIFICATION.codec.decode(stored.type, stored.schema_version, stored.payload)
            state = await self._after(stored, event)
            data = published_data(stored.stream_id, state, event)
            if data is not None:
                published.append(_envelope(stored, data, epoch))
        return published

    async def _after(self, stored: RecordedEvent, event: NotificationEvent) -> Notification:
        """The notification after a stored event."""
        before = self._folds.get(stored.stream_id)
        if stored.version == 1:
            state = NOTIFICATION.evolve(NOTIFICATION.initial, event)
        elif before is not None and before.version == stored.version - 1:
            state = NOTIFICATION.evolve(before.state, event)
        else:
            history = await self._log.read_stream(stored.tenant_id, stored.stream_id, 1, stored.version)
            state = fold(NOTIFICATION, history)
        self._folds[stored.stream_id] = Fold(stored.version, state)
        self._folds.move_to_end(stored.stream_id)
        while len(self._folds) > KEPT_FOLDS:
            self._folds.popitem(last=False)
        return state


def published_data(  # noqa: PLR0911 - one return per published event
    stream_id: UUID, state: Notification, event: NotificationEvent
) -> contract.NotificationEvent | None:
    """What the world is told about an event; None for what stays inside."""
    notice = state.notice
    if notice is None:
        return None
    summary = contract.NotificationSummary(
        notification_id=public_id("ntf", stream_id),
        cause=notice.cause,
        dispute_id=dispute_id_of(notice.subject),
        subject=contract.NotificationSubject(type=notice.subject.type, id=notice.subject.id),
        template=notice.template,
        channel=notice.channel,
        language=choose("" if notice.address is None else notice.address.language).value,
        status=state.status.value,
        reason=None if state.reason is None else state.reason.value,
    )
    match event:
        case NotificationQueued():
            return contract.NotificationQueued(notification=summary)
        case NotificationSuppressed() | NotificationSkipped():
            return contract.NotificationSkipped(notification=summary)
        case NotificationSent():
            return contract.NotificationSent(notification=summary, message_id=event.message_id)
        case NotificationFailed():
            return contract.NotificationFailed(notification=summary)
        case OutcomeUnknown():
            return contract.NotificationUnknown(notification=summary)
        case _:
            return None


def _envelope(stored: RecordedEvent, data: contract.NotificationEvent, epoch: str) -> Published:
    meta = decode_meta(stored.meta)
    name = str(type(data).__struct_config__.tag)
    if stored.seq is None:
        raise TypeError("only events of the log are published, and they have a seq")
    return Published(
        id=public_id("evt", stored.event_id),
        source=contract.SOURCE,
        type=name,
        subject=stored.stream_id,
        tenant=stored.tenant_id,
        time=stored.recorded_at,
        effective_at=stored.effective_at,
        seq=stored.seq,
        epoch=epoch,
        version=stored.version,
        dataschema=dataschema(name),
        correlation_id=meta.correlation_id,
        data=Raw(msgspec.json.encode(data)),
        causation_id=meta.causation_id,
        traceparent=meta.traceparent,
        actor=meta.actor.id,
    )
