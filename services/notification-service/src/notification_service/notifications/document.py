"""The document of a notification, written with each append."""

from datetime import datetime
from uuid import UUID

import msgspec
from msgspec import Struct

from notification_service.notices.notice import Address, Subject
from notification_service.notifications.state import Notification, Status


class NotificationDocument(Struct, frozen=True, kw_only=True):
    """`person` names the key of the address, None where there is none. `due_at` None means at once."""

    cause: str
    cause_type: str
    cause_version: int
    cause_at: datetime
    subject: Subject
    rule: str
    policy: str
    template: str
    channel: str
    recipient: str
    status: str
    attempts: int
    reason: str | None
    explanation: str | None
    due_at: datetime | None
    message_id: str | None
    server_code: str | None
    person: str | None
    address: Address | None


def document(_stream_id: UUID, _version: int, state: Notification) -> bytes | None:
    """None of a notification that was never announced."""
    return None if state.notice is None else msgspec.json.encode(document_of(state))


def document_of(state: Notification) -> NotificationDocument:
    """ValueError of a notification that was never announced."""
    notice = state.notice
    if notice is None or state.status is Status.ABSENT:
        raise ValueError("a notification that was never announced has no present state")
    return NotificationDocument(
        cause=notice.cause,
        cause_type=notice.cause_type,
        cause_version=notice.cause_version,
        cause_at=notice.cause_at,
        subject=notice.subject,
        rule=notice.rule,
        policy=notice.policy,
        template=notice.template,
        channel=notice.channel,
        recipient=notice.recipient,
        status=state.status,
        attempts=state.attempts,
        reason=state.reason,
        explanation=state.explanation,
        due_at=state.due_at,
        message_id=state.message_id,
        server_code=state.server_code,
        person=None if notice.address is None else notice.address.email.person,
        address=notice.address,
    )
