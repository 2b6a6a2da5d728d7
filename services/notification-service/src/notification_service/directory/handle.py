"""One command on an entry of the directory, inside a unit of work."""

from notification_service.directory.bodies import DirectoryEntryBody
from notification_service.directory.commands import RecordEntry
from notification_service.directory.decisions import decide
from notification_service.directory.state import DirectoryEntry
from notification_service.directory.stream import DIRECTORY, directory_stream
from redress.eventlog.vault import Vault
from redress.handling.unit_of_work import UnitOfWork


async def record_entry(uow: UnitOfWork, vault: Vault, entry_id: str, body: DirectoryEntryBody) -> DirectoryEntry:
    """The entry as the body says it. Refusals: those of the directory."""
    stream = directory_stream(uow.tenant, entry_id)
    before = await uow.state(DIRECTORY, stream)
    command = await sealed_entry(vault, uow.tenant, entry_id, body, before)
    return uow.record(DIRECTORY, stream, decide(command, before))


async def sealed_entry(
    vault: Vault, tenant: str, entry_id: str, body: DirectoryEntryBody, before: DirectoryEntry
) -> RecordEntry:
    """The command with everything personal sealed. Text that has not changed stays in its box, so that the same entry
    again is no event."""
    recorded = before.recorded
    person = vault.person_of_email(tenant, body.email)
    name = email = None
    if recorded is not None:
        old_name, old_email = await vault.open_many(tenant, [recorded.name, recorded.email])
        if recorded.email.person == person:
            name = recorded.name if old_name == body.name else None
            email = recorded.email if old_email == body.email else None
    return RecordEntry(
        entry_id=entry_id,
        name=name or await vault.seal(tenant, person, body.name),
        email=email or await vault.seal(tenant, person, body.email),
        language=body.language,
        lead=body.lead,
    )
