"""What notification-service publishes on `redress.notifications.v1`."""

from msgspec import Struct

TOPIC = "redress.notifications.v1"
SOURCE = "/redress/notification-service/main"


class NotificationSummary(Struct, frozen=True, kw_only=True):
    """A notification after the event. `cause` is the published event it is about, `dispute_id` its dispute.

    `reason` is the reason code of a state that needs one: every skipped, failed and unknown notification has it.
    """

    notification_id: str
    cause: str
    dispute_id: str
    template: str
    channel: str
    language: str
    status: str
    reason: str | None = None


class NotificationQueued(Struct, frozen=True, kw_only=True, tag="notification-queued", tag_field="type"):
    notification: NotificationSummary


class NotificationSent(Struct, frozen=True, kw_only=True, tag="notification-sent", tag_field="type"):
    notification: NotificationSummary
    message_id: str


class NotificationFailed(Struct, frozen=True, kw_only=True, tag="notification-failed", tag_field="type"):
    notification: NotificationSummary


class NotificationUnknown(Struct, frozen=True, kw_only=True, tag="notification-unknown", tag_field="type"):
    """The mail server may or may not have taken it; nobody can tell. It is not sent again by itself."""

    notification: NotificationSummary


class NotificationSkipped(Struct, frozen=True, kw_only=True, tag="notification-skipped", tag_field="type"):
    notification: NotificationSummary


NotificationEvent = (
    NotificationQueued | NotificationSent | NotificationFailed | NotificationUnknown | NotificationSkipped
)
