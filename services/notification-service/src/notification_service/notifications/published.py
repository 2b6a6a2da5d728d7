"""Stored event → published contract: queued, sent, failed, unknown, skipped. All other events are internal."""

from uuid import UUID

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
from notification_service.wording.language import choose
from redress.contracts import notification_events as contract
from redress.ids import public_id


def published(  # noqa: PLR0911 - one return per published event
    event: NotificationEvent, stream_id: UUID, state: Notification
) -> contract.NotificationEvent | None:
    """The contract of an event and the state after it; None for what stays inside."""
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
