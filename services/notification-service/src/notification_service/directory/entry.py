"""One addressable person or team of the company itself: how notices about work reach the people who do it.

Names: a person is called what disputes call their owner (a user id); a team is `team:<name>`.
Small enough for one file: state, evolve, decide, refusals.
"""

import re
from uuid import UUID

import msgspec
from msgspec import Struct

from notification_service.directory.events import DirectoryEntryRecorded, DirectoryEvent
from redress.contracts.common import Sealed

STREAM_TYPE = "directory-entry"
_ENTRY_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@:+-]{0,99}")
TEAM_PREFIX = "team:"


class DirectoryRefusal(Exception):
    """Any refusal of the directory: BadEntryId, LeadsItself, OnlyTeamsHaveLeads."""


class BadEntryId(DirectoryRefusal):
    def __init__(self, entry_id: str) -> None:
        super().__init__("an id is 1 to 100 letters, digits and . _ @ : + -, such as anna or team:pricing")
        self.entry_id = entry_id


class LeadsItself(DirectoryRefusal):
    def __init__(self, entry_id: str) -> None:
        super().__init__(f"{entry_id} cannot be its own lead")
        self.entry_id = entry_id


class OnlyTeamsHaveLeads(DirectoryRefusal):
    def __init__(self, entry_id: str) -> None:
        super().__init__(f"{entry_id} is a person; only a team has a lead")
        self.entry_id = entry_id


class DirectoryEntry(Struct, frozen=True, kw_only=True):
    """`recorded` None: there is no such entry."""

    recorded: DirectoryEntryRecorded | None = None


class RecordEntry(Struct, frozen=True, kw_only=True):
    """The whole entry as it should be. Text that has not changed is sealed in the same box as before."""

    entry_id: str
    name: Sealed
    email: Sealed
    language: str
    lead: str | None = None


def evolve(state: DirectoryEntry, event: DirectoryEvent) -> DirectoryEntry:  # noqa: ARG001 - each replaces the whole
    return DirectoryEntry(recorded=event)


def decide(command: RecordEntry, state: DirectoryEntry) -> list[DirectoryEvent]:
    if not _ENTRY_ID.fullmatch(command.entry_id):
        raise BadEntryId(command.entry_id)
    if command.lead is not None:
        if command.lead == command.entry_id:
            raise LeadsItself(command.entry_id)
        if not command.entry_id.startswith(TEAM_PREFIX):
            raise OnlyTeamsHaveLeads(command.entry_id)
        if not _ENTRY_ID.fullmatch(command.lead):
            raise BadEntryId(command.lead)
    wanted = DirectoryEntryRecorded(
        entry_id=command.entry_id,
        name=command.name,
        email=command.email,
        language=command.language,
        lead=command.lead,
    )
    return [] if state.recorded == wanted else [wanted]


def current(_stream_id: UUID, _version: int, state: DirectoryEntry) -> bytes | None:
    """The entry as the read model keeps it; None for one that was never recorded."""
    return None if state.recorded is None else msgspec.json.encode(state.recorded)
