"""Stored name and version of every event of this service. Classes may move; these names never change."""

from notification_service.directory.events import DirectoryEntryRecorded, DirectoryEvent
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
from redress.eventlog.codec import Codec

NOTIFICATION_CODEC: Codec[NotificationEvent] = Codec(
    {
        "notification-queued": (1, NotificationQueued),
        "notification-suppressed": (1, NotificationSuppressed),
        "sending-started": (1, SendingStarted),
        "sending-continued": (1, SendingContinued),
        "handover-started": (1, HandoverStarted),
        "sending-postponed": (1, SendingPostponed),
        "notification-sent": (1, NotificationSent),
        "notification-failed": (1, NotificationFailed),
        "outcome-unknown": (1, OutcomeUnknown),
        "notification-skipped": (1, NotificationSkipped),
    }
)

DIRECTORY_CODEC: Codec[DirectoryEvent] = Codec({"directory-entry-recorded": (1, DirectoryEntryRecorded)})
