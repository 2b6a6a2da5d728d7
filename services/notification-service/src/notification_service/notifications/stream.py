"""A notification as the log sees it: stored names, which never change, and the id of its stream."""

from typing import Any
from uuid import UUID

import msgspec
from msgspec import Raw

from notification_service.notices.notice import DISPUTE, Notice
from notification_service.notifications.document import document
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
from notification_service.notifications.state import Notification, evolve
from redress.codec import Codec
from redress.decider import Decider
from redress.ids import derived_uuid


def _about_a_dispute(stored: dict[str, Any]) -> dict[str, Any]:
    """Version 1 knew disputes only, and its facts named their own type."""
    notice = dict(stored["notice"])
    facts = {name: value for name, value in notice["facts"].items() if name != "type"}
    notice["subject"] = {"type": DISPUTE, "id": notice.pop("dispute_id")}
    notice["facts"] = Raw(msgspec.json.encode(facts))
    return {**stored, "notice": notice}


NOTIFICATION_CODEC: Codec[NotificationEvent] = Codec(
    {
        "notification-queued": (2, NotificationQueued),
        "notification-suppressed": (2, NotificationSuppressed),
        "sending-started": (1, SendingStarted),
        "sending-continued": (1, SendingContinued),
        "handover-started": (1, HandoverStarted),
        "sending-postponed": (1, SendingPostponed),
        "notification-sent": (1, NotificationSent),
        "notification-failed": (1, NotificationFailed),
        "outcome-unknown": (1, OutcomeUnknown),
        "notification-skipped": (1, NotificationSkipped),
    },
    {("notification-queued", 1): _about_a_dispute, ("notification-suppressed", 1): _about_a_dispute},
)

NOTIFICATION: Decider[Notification, NotificationEvent] = Decider(
    stream_type="notification",
    initial=Notification(),
    evolve=evolve,
    codec=NOTIFICATION_CODEC,
    document=document,
)


def notification_id(tenant_id: str, notice: Notice) -> UUID:
    """The stream of a notice: the same (event, recipient, channel, template) is always the same notification."""
    return derived_uuid("notification", tenant_id, notice.cause, notice.recipient, notice.channel, notice.template)
