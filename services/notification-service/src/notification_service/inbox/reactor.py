"""The reactor: from a published event to notifications in the log, in the checkpoint's own transaction.

One notification per (event, recipient, channel, template), whatever is delivered again and over which transport: its
stream is derived from these four, and what exists is left alone.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, Protocol
from uuid import UUID

from notification_service.directory.list import entries_with_leads
from notification_service.inbox.sources import EventSource
from notification_service.notices.notice import Address
from notification_service.notices.plan import Contact, Contacts, PlannedNotice, Rules
from notification_service.notifications.commands import Announce
from notification_service.notifications.decisions import announce
from notification_service.notifications.state import Notification
from notification_service.notifications.stream import NOTIFICATION, notification_id
from notification_service.wording.address import deliverable
from redress.contracts.common import Sealed
from redress.contracts.envelope import Published
from redress.eventlog.aggregates import Loaded, write
from redress.eventlog.events import MAX_STREAMS_PER_APPEND, Actor, Appended, CommandRecord, Meta, StreamWrite
from redress.ids import derived_uuid
from redress.projections.projection import Connection

NAME = "notices"
OWNER_LANGUAGE = "en"  # of an owner of whom nothing is known but an address


class ReactorLog(Protocol):
    """The part of the log that a reactor uses."""

    async def append_on(
        self,
        connection: Connection,
        tenant_id: str,
        writes: Sequence[StreamWrite],
        command: CommandRecord | None = None,
    ) -> Appended: ...


class Sealer(Protocol):
    """The part of the vault that seals an owner's address."""

    def person_of_email(self, tenant_id: str, email: str) -> str: ...

    async def seal(self, tenant_id: str, person: str, text: str) -> Sealed: ...


class NoticesReactor:
    """Turns the events of one service into notifications, as the rules say."""

    name = NAME
    reactor = True

    def __init__(self, source: EventSource[Any], rules: Rules, log: ReactorLog, vault: Sealer) -> None:
        self._source = source
        self._rules = rules
        self._log = log
        self._vault = vault

    async def apply(self, connection: Connection, events: Sequence[Published]) -> None:
        """Queue what is to be sent and record what is not, with the reason."""
        received = self._source.all_received(events)
        wanted = {(event.tenant, name) for event, known in received for name in self._rules.names_in(known)}
        people = await self._people(connection, wanted)
        by_tenant: dict[str, list[tuple[UUID, PlannedNotice, Published]]] = defaultdict(list)
        for event, known in received:
            for planned in self._rules.plan(known, Contacts(people[event.tenant])):
                stream = notification_id(event.tenant, planned.notice)
                by_tenant[event.tenant].append((stream, planned, event))
        for tenant, planned_here in by_tenant.items():
            await self._append(connection, tenant, planned_here)

    async def _append(
        self, connection: Connection, tenant: str, planned: Sequence[tuple[UUID, PlannedNotice, Published]]
    ) -> None:
        present = await _existing(connection, [stream for stream, _, _ in planned])
        fresh: list[StreamWrite] = []
        for stream, notice, event in planned:
            if stream in present:
                continue
            present.add(stream)
            fresh.append(_first_write(stream, notice, event))
        for start in range(0, len(fresh), MAX_STREAMS_PER_APPEND):
            await self._log.append_on(connection, tenant, fresh[start : start + MAX_STREAMS_PER_APPEND])

    async def _people(self, connection: Connection, wanted: Iterable[tuple[str, str]]) -> dict[str, dict[str, Contact]]:
        """Everybody the rules may ask for, by tenant and name; leads of the named teams included."""
        names = sorted(set(wanted))
        people: dict[str, dict[str, Contact]] = defaultdict(dict)
        if not names:
            return people
        for tenant, entry in await entries_with_leads(connection, names):
            people[tenant][entry.entry_id] = Contact(
                recipient=entry.entry_id,
                address=Address(email=entry.email, name=entry.name, language=entry.language),
                lead=entry.lead,
            )
        for tenant, name in names:
            address = deliverable(name) if name not in people[tenant] else None
            if address is not None:
                person = self._vault.person_of_email(tenant, address)
                sealed = await self._vault.seal(tenant, person, address)
                people[tenant][name] = Contact(recipient=person, address=Address(email=sealed, language=OWNER_LANGUAGE))
        return people


def _first_write(stream: UUID, planned: PlannedNotice, event: Published) -> StreamWrite:
    announced = announce(
        Announce(notice=planned.notice, explanation=planned.explanation, skip=planned.skip), Notification()
    )
    meta = Meta(
        actor=Actor("system", "notification-service/notices"),
        command_id=str(derived_uuid(NAME, event.id)),
        correlation_id=event.correlation_id,
        causation_id=event.id,
        traceparent=event.traceparent,
        policy=(planned.notice.policy,),
    )
    stream_write, _ = write(NOTIFICATION, Loaded(stream, 0, Notification()), announced, meta, event.time)
    return stream_write


async def _existing(connection: Connection, streams: Sequence[UUID]) -> set[UUID]:
    rows = await connection.fetch(
        "SELECT notification_id FROM notification_current WHERE notification_id = ANY($1::uuid[])", streams
    )
    return {row["notification_id"] for row in rows}
