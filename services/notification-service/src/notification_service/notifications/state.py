"""A notification, folded from its events: absent → queued → sending → sent | failed | unknown | skipped."""

from datetime import datetime
from enum import StrEnum

from msgspec import Struct, structs

from notification_service.notices.notice import Notice
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
    SendingContinued,
    SendingPostponed,
    SendingStarted,
)


class Status(StrEnum):
    """Stored and published words."""

    ABSENT = "absent"
    QUEUED = "queued"
    SENDING = "sending"
    SENT = "sent"
    FAILED = "failed"
    UNKNOWN = "unknown"
    SKIPPED = "skipped"


FINAL = frozenset({Status.SENT, Status.FAILED, Status.UNKNOWN, Status.SKIPPED})


class Notification(Struct, frozen=True, kw_only=True):
    """`attempts` is how many were begun. `reason` is the code of the present state, None where it needs none.

    `due_at` None means at once; set, it is when the next attempt may begin (queued) or when the lease ends (sending).
    `handing_over` is true from the first byte of the mail until the attempt's outcome is known.
    """

    status: Status = Status.ABSENT
    notice: Notice | None = None
    attempts: int = 0
    reason: Reason | None = None
    explanation: str | None = None
    due_at: datetime | None = None
    handing_over: bool = False
    message_id: str | None = None
    server_code: str | None = None


def evolve(state: Notification, event: NotificationEvent) -> Notification:  # noqa: PLR0911 - one return per event
    match event:
        case NotificationQueued():
            return Notification(status=Status.QUEUED, notice=event.notice, explanation=event.explanation)
        case NotificationSuppressed():
            return Notification(
                status=Status.SKIPPED, notice=event.notice, reason=event.reason, explanation=event.explanation
            )
        case SendingStarted():
            return structs.replace(
                state,
                status=Status.SENDING,
                attempts=event.attempt,
                reason=None,
                due_at=event.lease_until,
                handing_over=False,
            )
        case SendingContinued():
            return structs.replace(state, due_at=event.lease_until)
        case HandoverStarted():
            return structs.replace(state, handing_over=True, message_id=event.message_id)
        case SendingPostponed():
            return structs.replace(
                state,
                status=Status.QUEUED,
                reason=event.reason,
                due_at=event.retry_at,
                handing_over=False,
                server_code=event.server_code,
            )
        case NotificationSent():
            return _finished(state, Status.SENT, None, event.server_code, message_id=event.message_id)
        case NotificationFailed():
            return _finished(state, Status.FAILED, event.reason, event.server_code, explanation=event.detail)
        case OutcomeUnknown():
            return _finished(state, Status.UNKNOWN, event.reason, None)
        case NotificationSkipped():
            return _finished(state, Status.SKIPPED, event.reason, None, explanation=event.explanation)


def _finished(
    state: Notification,
    status: Status,
    reason: Reason | None,
    server_code: str | None,
    *,
    message_id: str | None = None,
    explanation: str | None = None,
) -> Notification:
    return structs.replace(
        state,
        status=status,
        reason=reason,
        due_at=None,
        handing_over=False,
        message_id=message_id or state.message_id,
        explanation=explanation or state.explanation,
        server_code=server_code or state.server_code,
    )
