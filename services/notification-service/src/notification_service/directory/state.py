"""The state of a directory entry, folded from its events."""

from msgspec import Struct

from notification_service.directory.events import DirectoryEntryRecorded, DirectoryEvent


class DirectoryEntry(Struct, frozen=True, kw_only=True):
    """`recorded` None: there is no such entry."""

    recorded: DirectoryEntryRecorded | None = None


def evolve(state: DirectoryEntry, event: DirectoryEvent) -> DirectoryEntry:  # noqa: ARG001 - each replaces the whole
    return DirectoryEntry(recorded=event)
