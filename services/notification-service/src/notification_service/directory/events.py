"""The events of one entry of the directory."""

from typing import Final

from msgspec import Struct

from redress.codec import Codec
from redress.contracts.common import Sealed


class DirectoryEntryRecorded(Struct, frozen=True, kw_only=True):
    """From now on notices for `entry_id` go here. `lead` is the directory name of a team's lead, None without one."""

    entry_id: str
    name: Sealed
    email: Sealed
    language: str
    lead: str | None = None


DirectoryEvent = DirectoryEntryRecorded

# Stored names and versions. A stored name never changes.
DIRECTORY_CODEC: Final[Codec[DirectoryEvent]] = Codec(
    {
        "directory-entry-recorded": (1, DirectoryEntryRecorded),
    }
)
