"""The two aggregates as the log sees them."""

from uuid import UUID

from notification_service.directory import entry
from notification_service.directory.entry import DirectoryEntry
from notification_service.directory.events import DirectoryEvent
from notification_service.event_log.codec import DIRECTORY_CODEC, NOTIFICATION_CODEC
from notification_service.notifications import current, state
from notification_service.notifications.events import NotificationEvent
from notification_service.notifications.state import Notification
from redress.eventlog.aggregates import Aggregate
from redress.ids import derived_uuid

NOTIFICATIONS: Aggregate[Notification, NotificationEvent] = Aggregate(
    stream_type=current.STREAM_TYPE,
    initial=Notification(),
    evolve=state.evolve,
    codec=NOTIFICATION_CODEC,
    current=current.current,
)

DIRECTORY: Aggregate[DirectoryEntry, DirectoryEvent] = Aggregate(
    stream_type=entry.STREAM_TYPE,
    initial=DirectoryEntry(),
    evolve=entry.evolve,
    codec=DIRECTORY_CODEC,
    current=entry.current,
)


def directory_stream(tenant_id: str, entry_id: str) -> UUID:
    return derived_uuid("directory-entry", tenant_id, entry_id)
