"""An entry of the directory as the log sees it: its stored name, which never changes, and the id of its stream."""

from uuid import UUID

from notification_service.directory.document import document
from notification_service.directory.events import DIRECTORY_CODEC, DirectoryEvent
from notification_service.directory.state import DirectoryEntry, evolve
from redress.decider import Decider
from redress.ids import derived_uuid

DIRECTORY: Decider[DirectoryEntry, DirectoryEvent] = Decider(
    stream_type="directory-entry",
    initial=DirectoryEntry(),
    evolve=evolve,
    codec=DIRECTORY_CODEC,
    document=document,
)


def directory_stream(tenant_id: str, entry_id: str) -> UUID:
    return derived_uuid("directory-entry", tenant_id, entry_id)
