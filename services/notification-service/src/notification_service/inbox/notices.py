"""The reactor: from a published dispute event to notifications in the log, in the checkpoint's own transaction.

One notification per (event, recipient, channel, template), whatever is delivered again and over which transport: its
stream is derived from these four, and what exists is left alone.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Protocol
from uuid import UUID

from notification_service.event_log.aggregates import NOTIFICATIONS
from notification_service.inbox.contracts import heard_of
from notification_service.notifications.commands import Announce
from notification_service.notifications.current import notification_id
from notification_service.notifications.decisions import announce
from notification_service.notifications.state import Notification
from notification_service.queries import directory
from notification_service.rules.notice import Address
from notification_service.rules.plan import POLICY, Known, Planned, Reachable, names_in, plan
from notification_service.wording.address import deliverable
from redress.contracts.common import Sealed
from redress.contracts.envelope import Published
from redress.eventlog.aggregates import Loaded, write
from redress.eventlog.events import Actor, Appended, CommandRecord, Meta, StreamWrite
from redress.eventlog.portions import portions
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


class Seals(Protocol):
    """The part of the vault that seals an owner's address."""

    def person_of_email(self, tenant_id: str, email: str) -> str: ...

    async def seal(self, tenant_id: str, person: str, text: str) -> Sealed: ...


class Notices:
    """Turns events into notifications."""

    name = NAME
    reactor = True

    def __init__(self, log: ReactorLog, vault: Seals) -> None:
        self._log = log
        self._vault = vault

    async def apply(self, connection: Connection, events: Sequence[Published]) -> None:
        """Queue what is to be sent and record what is not, with the reason."""
        heard = heard_of(events)
        wanted = {(event.tenant, name) for event, known in heard for name in names_in(known.event)}
        people = await self._people(connection, wanted)
        by_tenant: dict[str, list[tuple[UUID, Planned, Published]]] = defaultdict(list)
        for event, known in heard:
            for planned in plan(known, Known(people[event.tenant])):
                stream = notification_id(event.tenant, planned.notice)
                by_tenant[event.tenant].append((stream, planned, event))
        for tenant, planned_here in by_tenant.items():
            await self._append(connection, tenant, planned_here)

    async def _append(
        self, connection: Connection, tenant: str, planned: Sequence[tuple[UUID, Planned, Published]]
    ) -> None:
        present = await _existing(connection, [stream for stream, _, _ in planned])
        fresh: list[StreamWrite] = []
        for stream, notice, event in planned:
            if stream in present:
                continue
            present.add(stream)
            fresh.append(_first_write(stream, notice, event))
        for portion in portions(fresh):
            await self._log.append_on(connection, tenant, portion)

    async def _people(
        self, connection: Connection, wanted: Iterable[tuple[str, str]]
    ) -> dict[str, dict[str, Reachable]]:
        """Everybody the rules may ask for, by tenant and name; leads of the named teams included."""
        names = sorted(set(wanted))
        people: dict[str, dict[str, Reachable]] = defaultdict(dict)
        if not names:
            return people
        for tenant, entry in await directory.entries_with_leads(connection, names):
            people[tenant][entry.entry_id] = Reachable(
                recipient=entry.entry_id,
                address=Address(email=entry.email, name=entry.name, language=entry.language),
                lead=entry.lead,
            )
        for tenant, name in names:
            address = deliverable(name) if name not in people[tenant] else None
            if address is not None:
                person = self._vault.person_of_email(tenant, address)
                sealed = await self._vault.seal(tenant, person, address)
                people[tenant][name] = Reachable(
                    recipient=person, address=Address(email=sealed, language=OWNER_LANGUAGE)
                )
        return people


def _first_write(stream: UUID, planned: Planned, event: Published) -> StreamWrite:
    announced = announce(
        Announce(notice=planned.notice, explanation=planned.explanation, skip=planned.skip), Notification()
    )
    meta = Meta(
        actor=Actor("system", "notification-service/notices"),
        command_id=str(derived_uuid(NAME, event.id)),
        correlation_id=event.correlation_id,
        causation_id=event.id,
        traceparent=event.traceparent,
        policy=(POLICY,),
    )
    stream_write, _ = write(NOTIFICATIONS, Loaded(stream, 0, Notification()), announced, meta, event.time)
    return stream_write


async def _existing(connection: Connection, streams: Sequence[UUID]) -> set[UUID]:
    rows = await connection.fetch(
        "SELECT stream_id FROM notification_current WHERE stream_id = ANY($1::uuid[])", streams
    )
    return {row["stream_id"] for row in rows}
