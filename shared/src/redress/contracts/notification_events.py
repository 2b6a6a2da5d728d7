"""The events that notification-service publishes on `redress.notifications.v1`."""

from msgspec import Struct

TOPIC = "redress.notifications.v1"
SOURCE = "/redress/notification-service/main"


class NotificationSubject(Struct, frozen=True, kw_only=True):
    """The thing the notification is about: `dispute` and `dsp_…`, or another type and its id."""

    type: str
    id: str


class NotificationSummary(Struct, frozen=True, kw_only=True):
    """A notification after the event. `cause` is the published event it is about, `subject` the thing that
    event is about; `dispute_id` is the subject's id where it is a dispute, None otherwise.

    `reason` is the reason code of a state that needs one: every skipped, failed and unknown notification has it.
    """

    notification_id: str
    cause: str
    subject: NotificationSubject
    template: str
    channel: str
    language: str
    status: str
    dispute_id: str | None = None
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
