"""The operations that are done by hand, each with a reason that is kept: erase, release, discard, drop, declare."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any
from uuid import UUID

import asyncpg

from redress.contracts.envelope import PublishedEvent
from redress.eventlog.events import RecordedEvent, decode_meta
from redress.eventlog.outage import OUTAGE
from redress.eventlog.vault import Vault
from redress.messaging.port import IncomingMessage
from redress.ops.operations import OperationOrder, recorded
from redress.projections import parking, rebuild, restoring
from redress.projections.parking import ParkedEvent
from redress.projections.runner import Runner, UnparkingResult

Consumers = AbstractAsyncContextManager[Sequence[Runner[Any]]]


DATABASE_TROUBLE: tuple[type[Exception], ...] = (*OUTAGE, asyncpg.PostgresError)


class OperationRefused(Exception):
    """Nothing was changed; the message says why, in one line."""


@asynccontextmanager
async def owning(dsn: str) -> AsyncIterator[asyncpg.Connection]:
    """The owner's connection. OperationRefused if there is none, or if the schema is older than this program."""
    try:
        connection = await asyncpg.connect(dsn, timeout=10.0)
    except DATABASE_TROUBLE as failure:
        raise OperationRefused(f"no connection to the database: {failure}") from failure
    try:
        yield connection
    except asyncpg.UndefinedTableError as failure:
        raise OperationRefused(f"the schema is older than this program ({failure}): run migrate") from failure
    finally:
        await connection.close()


async def erase(owner_dsn: str, vault: Vault, tenant: str, person: str, order: OperationOrder) -> None:
    """Delete a person's key. OperationRefused if there is none."""
    async with owning(owner_dsn) as connection, recorded(connection, order) as recording:
        if await vault.erase(tenant, person):
            recording.outcome = "the key is deleted"
            return
        recording.outcome = "nothing to erase: there is no key of this name"
    raise OperationRefused(
        f"{person} has no key in {tenant}: nothing is sealed under that name, or it is erased already"
    )


async def parked_events(owner_dsn: str, consumer: str | None = None) -> list[ParkedEvent]:
    async with owning(owner_dsn) as connection:
        return await parking.listed(connection, consumer)


async def parked_event(
    owner_dsn: str, consumers: Consumers, consumer: str, seq: int
) -> tuple[ParkedEvent, Mapping[str, str]]:
    """A parked event and what it says, by name. OperationRefused if it is not parked, SourceError if it is gone."""
    async with owning(owner_dsn) as connection:
        found = [each for each in await parking.listed(connection, consumer) if each.seq == seq]
    if not found:
        raise OperationRefused(f"{consumer} has not parked {seq}")
    async with consumers as runners:
        event = await _runner_of(runners, consumer).event_at(found[0].shard, seq)
    return found[0], _told(event)


async def release(
    owner_dsn: str, consumers: Consumers, consumer: str, stream: UUID | None, order: OperationOrder
) -> UnparkingResult:
    """Try parked events again, in order. OperationRefused if none are parked."""
    async with owning(owner_dsn) as connection, consumers as runners:
        runner = _runner_of(runners, consumer)
        parked = [each for parker in runner.parkers for each in await parking.listed(connection, parker)]
        if not any(stream in {None, each.stream} for each in parked):
            raise OperationRefused(f"{consumer} has nothing parked" + (f" of {stream}" if stream else ""))
        async with recorded(connection, order) as recording:
            done = await runner.unpark(stream)
            recording.outcome = f"{done.applied} applied, {done.remaining} still parked"
        return done


async def discard(owner_dsn: str, consumer: str, seq: int, order: OperationOrder) -> ParkedEvent:
    """Give up the oldest parked event of a stream. OperationRefused if it is none."""
    async with owning(owner_dsn) as connection, recorded(connection, order) as recording:
        async with connection.transaction():
            try:
                given_up = await parking.discard(connection, consumer, seq)
            except parking.NotTheOldest as reason:
                raise OperationRefused(str(reason)) from reason
            if given_up is None:
                raise OperationRefused(f"{consumer} has not parked {seq}")
        recording.outcome = f"given up: stream {given_up.stream} of {given_up.tenant or 'no tenant'}"
        return given_up


async def drop_old(owner_dsn: str, projection: str, order: OperationOrder) -> bool:
    """Drop the tables that the last rebuild replaced. Whether there were any."""
    async with owning(owner_dsn) as connection, recorded(connection, order) as recording:
        dropped = await rebuild.drop_old(projection, owner_dsn)
        recording.outcome = "dropped" if dropped else "there was nothing to drop"
        return dropped


async def declare_epoch(owner_dsn: str, order: OperationOrder) -> restoring.RestoreDeclaration:
    """Say that this database was restored. OperationRefused if the service runs."""
    async with owning(owner_dsn) as connection, recorded(connection, order) as recording:
        try:
            async with connection.transaction():
                declared = await restoring.declare(connection)
        except restoring.RestoreRefused as reason:
            raise OperationRefused(str(reason)) from reason
        recording.outcome = f"epoch {declared.epoch} from position {declared.head}"
        return declared


async def accept_epoch(owner_dsn: str, consumer: str, epoch: str, head: int, order: OperationOrder) -> int:
    """Let a consumer go on in the new epoch of the service it follows. Its furthest position."""
    async with owning(owner_dsn) as connection, recorded(connection, order) as recording:
        try:
            async with connection.transaction():
                position = await restoring.accept(connection, consumer, epoch=epoch, head=head)
        except restoring.RestoreRefused as reason:
            raise OperationRefused(str(reason)) from reason
        recording.outcome = f"goes on from position {position}"
        return position


def _runner_of(runners: Sequence[Runner[Any]], consumer: str) -> Runner[Any]:
    for runner in runners:
        if consumer == runner.name or consumer in runner.parkers:
            return runner
    raise OperationRefused(f"{consumer} is none of {', '.join(sorted(runner.name for runner in runners))}")


def _told(event: object) -> dict[str, str]:
    """The part of an event that may be shown. A foreign message may hold personal data, so its content is left out."""
    match event:
        case RecordedEvent():
            meta = decode_meta(event.meta)
            return {
                "event": f"{event.type} schema {event.schema_version}, version {event.version} of {event.stream_type}",
                "recorded": event.recorded_at.isoformat(),
                "effective": event.effective_at.isoformat(),
                "actor": f"{meta.actor.kind}:{meta.actor.id}",
                "data": event.payload.decode(),
            }
        case PublishedEvent():
            return {
                "event": f"{event.type}, version {event.version} of {event.subject} at {event.source}",
                "recorded": event.time.isoformat(),
                "effective": event.effective_at.isoformat(),
                "actor": event.actor or "",
                "data": bytes(event.data).decode(),
            }
        case IncomingMessage():
            return {
                "message": f"{event.topic}, partition {event.partition}, offset {event.offset}",
                "size": f"{len(event.value or b'')} bytes; its content is not shown",
            }
        case _:
            return {"event": type(event).__name__}
