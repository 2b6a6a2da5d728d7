"""A notification as the log sees it: stored names, which never change, and the id of its stream."""

from uuid import UUID

from notification_service.notices.notice import Notice
from notification_service.notifications.document import document
from notification_service.notifications.events import NOTIFICATION_CODEC, NotificationEvent
from notification_service.notifications.state import Notification, evolve
from redress.decider import Decider
from redress.ids import derived_uuid

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
