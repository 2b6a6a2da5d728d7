"""From a published event to notifications in the log, in the checkpoint's own transaction.

One notification per (event, recipient, channel, template), whatever is delivered again and over which transport: its
stream is derived from these four, and what exists is left alone.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC
from typing import Any, Protocol

from notification_service.directory.events import DirectoryEntryRecorded
from notification_service.directory.stream import DIRECTORY, directory_stream
from notification_service.inbox.sources import EventSource
from notification_service.notices.notice import Address
from notification_service.notices.plan import Contact, Contacts, PlannedNotice, ReceivedEvent, Rules
from notification_service.notifications.commands import Announce
from notification_service.notifications.decisions import announce
from notification_service.notifications.stream import NOTIFICATION, notification_id
from notification_service.wording.address import deliverable
from redress.contracts.common import Sealed
from redress.contracts.envelope import PublishedEvent
from redress.handling.reactor import AppendsInTransaction, Reactor
from redress.handling.unit_of_work import Cause, UnitOfWork
from redress.policy.book import Policies

NAME = "notices"  # of the checkpoint, for ever
OWNER_LANGUAGE = "en"  # of an owner of whom nothing is known but an address


class Sealer(Protocol):
    """The part of the vault that seals an owner's address."""

    def person_of_email(self, tenant_id: str, email: str) -> str: ...

    async def seal(self, tenant_id: str, person: str, text: str) -> Sealed: ...


def notices_reactor(
    service: str,
    source: EventSource[Any],
    rules: Rules,
    *,
    log: AppendsInTransaction,
    vault: Sealer,
    policies: Policies,
) -> Reactor:
    """Turns the events of one service into notifications, as the rules say."""
    announcements = _Announcements(source, rules, vault, policies)
    return Reactor(NAME, service, log, announcements.react, prepare=announcements.prepare)


class _Announcements:
    def __init__(self, source: EventSource[Any], rules: Rules, vault: Sealer, policies: Policies) -> None:
        self._source = source
        self._rules = rules
        self._vault = vault
        self._policies = policies
        self._owners: dict[str, Contact] = {}  # of the batch: owners that are addresses, sealed once

    async def prepare(self, uow: UnitOfWork, events: Sequence[PublishedEvent]) -> None:
        """Read what the batch needs together: the entries it names, their leads, the notifications there may be."""
        self._owners = {}
        received = [known for _, known in self._source.all_received(events)]
        names = {name for known in received for name in self._rules.names_in(known)}
        await uow.load(DIRECTORY, [directory_stream(uow.tenant, name) for name in names])
        leads = {entry.lead for name in names if (entry := await _entry(uow, name)) is not None and entry.lead}
        await uow.load(DIRECTORY, [directory_stream(uow.tenant, name) for name in leads])
        planned = [each for known in received for each in await self._plan(uow, known)]
        await uow.load(NOTIFICATION, [notification_id(uow.tenant, each.notice) for each in planned])

    async def react(self, uow: UnitOfWork, event: PublishedEvent) -> None:
        """Queue what is to be sent and record what is not, with the reason."""
        received = self._source.received(event)
        if received is None:
            return
        uow.cause = Cause(
            uow.cause.meta, event.time
        )  # a notice counts when the event was recorded, however old that is
        for planned in await self._plan(uow, received):
            stream = notification_id(uow.tenant, planned.notice)
            command = Announce(notice=planned.notice, explanation=planned.explanation, skip=planned.skip)
            announced = announce(command, await uow.state(NOTIFICATION, stream))
            uow.record(NOTIFICATION, stream, announced, policy=(planned.notice.policy,))

    async def _plan(self, uow: UnitOfWork, received: ReceivedEvent[Any]) -> list[PlannedNotice]:
        day = received.recorded_at.astimezone(UTC).date()
        policy = await self._policies.in_force(uow.tenant, self._rules.policy, day)
        return self._rules.plan(received, await self._contacts(uow, self._rules.names_in(received)), policy)

    async def _contacts(self, uow: UnitOfWork, names: Iterable[str]) -> Contacts:
        """Everybody the rules may ask for, by name; leads of the named teams included."""
        people: dict[str, Contact] = {}
        for name in names:
            entry = await _entry(uow, name)
            if entry is None:
                owner = await self._owner(uow.tenant, name)
                people |= {} if owner is None else {name: owner}
                continue
            people[name] = _contact(entry)
            lead = None if entry.lead is None else await _entry(uow, entry.lead)
            if lead is not None:
                people[lead.entry_id] = _contact(lead)
        return Contacts(people)

    async def _owner(self, tenant_id: str, name: str) -> Contact | None:
        """An owner without an entry whose name is an address; None for another name."""
        address = deliverable(name)
        if address is None:
            return None
        if name not in self._owners:
            person = self._vault.person_of_email(tenant_id, address)
            sealed = await self._vault.seal(tenant_id, person, address)
            self._owners[name] = Contact(recipient=person, address=Address(email=sealed, language=OWNER_LANGUAGE))
        return self._owners[name]


async def _entry(uow: UnitOfWork, name: str) -> DirectoryEntryRecorded | None:
    return (await uow.state(DIRECTORY, directory_stream(uow.tenant, name))).recorded


def _contact(entry: DirectoryEntryRecorded) -> Contact:
    address = Address(email=entry.email, name=entry.name, language=entry.language)
    return Contact(recipient=entry.entry_id, address=address, lead=entry.lead)
