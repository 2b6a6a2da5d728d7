"""Decide a directory command: events, or a refusal. An empty list means that it is already so."""

import re

from notification_service.directory.commands import RecordEntry
from notification_service.directory.events import DirectoryEntryRecorded, DirectoryEvent
from notification_service.directory.refusals import BadEntryId, LeadsItself, OnlyTeamsHaveLeads
from notification_service.directory.state import DirectoryEntry
from notification_service.notices.names import TEAM_PREFIX

_ENTRY_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@:+-]{0,99}")


def decide(command: RecordEntry, state: DirectoryEntry) -> list[DirectoryEvent]:
    """Refusals: BadEntryId, LeadsItself, OnlyTeamsHaveLeads."""
    if not _ENTRY_ID.fullmatch(command.entry_id):
        raise BadEntryId
    if command.lead is not None:
        if command.lead.casefold() == command.entry_id.casefold():
            raise LeadsItself(command.entry_id)
        if not command.entry_id.startswith(TEAM_PREFIX):
            raise OnlyTeamsHaveLeads(command.entry_id)
        if not _ENTRY_ID.fullmatch(command.lead):
            raise BadEntryId().at("lead")
    recorded = DirectoryEntryRecorded(
        entry_id=command.entry_id,
        name=command.name,
        email=command.email,
        language=command.language,
        lead=command.lead,
    )
    return [] if state.recorded == recorded else [recorded]
