"""From the events of another service (or of the own log) to events of one's own, in the checkpoint's own transaction.

The effect becomes durable with the checkpoint, so no event has two effects, whatever is delivered again.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from redress.contracts.envelope import PublishedEvent
from redress.eventlog.connections import Connection
from redress.eventlog.events import Actor, AppendResult, CommandRecord, Meta, StreamWrite
from redress.eventlog.log import VersionConflict
from redress.eventlog.portions import portions
from redress.handling.readers import TransactionReader
from redress.handling.unit_of_work import Cause, UnitOfWork
from redress.ids import derived_uuid

ATTEMPTS = 5  # a person's command may come between reading and appending; five in a row do not


class AppendsInTransaction(Protocol):
    """The part of the event log that a reaction needs: an append that becomes durable with the caller's commit."""

    async def append_on(
        self,
        connection: Connection,
        tenant_id: str,
        writes: Sequence[StreamWrite],
        command: CommandRecord | None = None,
    ) -> AppendResult: ...


React = Callable[[UnitOfWork, PublishedEvent], Awaitable[None]]
Prepare = Callable[[UnitOfWork, Sequence[PublishedEvent]], Awaitable[None]]


class Reactor:
    """Follows published events; `react` records what one event causes, and records nothing for one it knows already.

    `prepare` loads what a batch will need, in a few round trips instead of some per event. All that a batch causes for
    a tenant is appended together, decided anew when a command was quicker on one of its streams. A rebuild never runs
    a reactor. `name` is its checkpoint's name for ever, and its part of `actor`.
    """

    reactor = True

    def __init__(
        self, name: str, service: str, log: AppendsInTransaction, react: React, *, prepare: Prepare | None = None
    ) -> None:
        self.name = name
        self._actor = Actor("system", f"{service}/{name}")
        self._log = log
        self._react = react
        self._prepare = prepare

    async def apply(self, connection: Connection, events: Sequence[PublishedEvent]) -> None:
        for tenant_id in sorted({event.tenant for event in events}):
            of_tenant = [event for event in events if event.tenant == tenant_id]

            async def react(uow: UnitOfWork, of_tenant: Sequence[PublishedEvent] = of_tenant) -> None:
                if self._prepare is not None:
                    await self._prepare(uow, of_tenant)
                for event in of_tenant:
                    uow.cause = self._cause(event)
                    await self._react(uow, event)

            await write_in_transaction(self._log, connection, tenant_id, self._cause(of_tenant[0]), react)

    def _cause(self, event: PublishedEvent) -> Cause:
        meta = Meta(
            actor=self._actor,
            command_id=str(derived_uuid(self.name, event.id)),
            correlation_id=event.correlation_id,
            causation_id=event.id,
            traceparent=event.traceparent,
        )
        return Cause(meta, event.effective_at)


async def write_in_transaction(
    log: AppendsInTransaction,
    connection: Connection,
    tenant_id: str,
    cause: Cause,
    work: Callable[[UnitOfWork], Awaitable[None]],
) -> None:
    """Do `work` and append what it recorded, inside the caller's transaction; anew on fresh states when a command was
    quicker. VersionConflict when that happens again and again; LockConflict at once, because only the end of the
    whole transaction lets the other one go on."""
    for attempt in range(1, ATTEMPTS + 1):
        try:
            async with connection.transaction():  # a savepoint: what a lost race has written is undone
                uow = UnitOfWork(tenant_id, TransactionReader(connection, tenant_id), cause)
                await work(uow)
                for portion in portions(uow.writes()):
                    await log.append_on(connection, tenant_id, portion)
                return
        except VersionConflict:
            if attempt == ATTEMPTS:
                raise
