"""Commands on one stream, one after the other, each decided on what those before it leave behind.

Optimistic concurrency lets one of many writers of a stream through and sends the others back to load again: with 32
commands in flight on one stream most of the work is thrown away, and each success waits for the disk by itself. Inside
one process they queue up instead, and the next one is decided as soon as the one before is on its way, so that they
share a commit. That does not keep a stream right (the expected version does, also against other processes): it makes
it fast.

    anew = False
    while True:
        async with turns.of(stream) as turn:
            loaded = await turn.load(log, AGGREGATE, tenant, stream, anew=anew)
            try:
                events = decide(…)
            except Refusal:
                if turn.certain: raise
                anew = True
                continue
            write, state = aggregates.write(AGGREGATE, loaded, events, …)
            queued = turn.enqueue(log, tenant, [write], record, leaving=[Loaded(stream, …, state)])
        try:
            return await queued.done
        except VersionConflict:
            anew = True
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, Protocol, TypeVar
from uuid import UUID

from msgspec import Struct

from redress.eventlog.aggregates import Aggregate, Loaded, load
from redress.eventlog.events import CommandRecord, StreamWrite
from redress.eventlog.grouping import Queued
from redress.eventlog.log import EventLog, LogUnavailable

S = TypeVar("S")
E = TypeVar("E")

WAITING_LIMIT = 1_000  # on one stream; whoever comes then would wait for longer than a caller does


class QueueingLog(EventLog, Protocol):
    """An EventLog that takes an append without being waited for."""

    def enqueue(
        self,
        tenant_id: str,
        writes: Sequence[StreamWrite],
        command: CommandRecord | None = None,
        after: Sequence[Queued] = (),
    ) -> Queued: ...


class _Left(Struct, frozen=True):
    """What the last command on a stream leaves to the next, once it is stored."""

    by: Queued
    loaded: Loaded[Any]


class _Place(Struct):
    lock: asyncio.Lock
    users: int = 0
    left: _Left | None = None


class Turns:
    """One per process and log."""

    def __init__(self) -> None:
        self._places: dict[UUID, _Place] = {}

    @asynccontextmanager
    async def of(self, *streams: UUID) -> AsyncIterator["Turn"]:
        """Be the only one of those who ask here to decide on these streams; first come, first served.

        LogUnavailable when too many are waiting already. Take all streams of a command at once: whoever holds one and
        asks for another may wait for ever.
        """
        async with AsyncExitStack() as held:
            places = {}
            for stream in sorted(set(streams)):  # in one order, so that two commands never hold what the other wants
                places[stream] = await held.enter_async_context(self._one(stream))
            yield Turn(places)

    @asynccontextmanager
    async def _one(self, stream: UUID) -> AsyncIterator[_Place]:
        place = self._places.setdefault(stream, _Place(asyncio.Lock()))
        if place.users >= WAITING_LIMIT:
            raise LogUnavailable("too many commands are waiting for this stream")
        place.users += 1
        try:
            async with place.lock:
                yield place
        finally:
            place.users -= 1
            if place.left is None or place.left.by.done.done():
                self._forget(stream)
            else:
                place.left.by.done.add_done_callback(lambda _: self._forget(stream))

    def _forget(self, stream: UUID) -> None:
        """Nothing is kept of a stream on which nobody works."""
        place = self._places.get(stream)
        if place is not None and place.users == 0 and (place.left is None or place.left.by.done.done()):
            del self._places[stream]


class Turn:
    """The right to decide on some streams. `certain` says whether all that was loaded stands in the log as it is; a
    refusal that rests on anything less is no answer."""

    def __init__(self, places: dict[UUID, _Place]) -> None:
        self._places = places
        self._after: list[Queued] = []
        self.certain = True

    async def load(
        self, log: EventLog, aggregate: Aggregate[S, E], tenant_id: str, stream: UUID, *, anew: bool = False
    ) -> Loaded[S]:
        """What the command before leaves behind, as if it had succeeded already; from the log if there is none, or if
        `anew` asks for it: then it is waited for."""
        left = self._places[stream].left
        if left is not None and anew:
            await asyncio.wait([left.by.done])
            left = None
        if left is None or left.by.tenant_id != tenant_id or (left.by.done.done() and not left.by.stored):
            self._places[stream].left = None
            return await load(log, aggregate, tenant_id, stream)
        self.certain = False
        if not left.by.done.done():
            self._after.append(left.by)
        return left.loaded

    def enqueue(
        self,
        log: QueueingLog,
        tenant_id: str,
        writes: Sequence[StreamWrite],
        command: CommandRecord | None,
        *,
        leaving: Sequence[Loaded[Any]],
    ) -> Queued:
        """Send the append on its way; await `done` of what is returned, after the turn. VersionConflict there means:
        begin again, with `anew`. `leaving` are the streams' states after it."""
        queued = log.enqueue(tenant_id, writes, command, self._after)
        for loaded in leaving:
            self._places[loaded.stream_id].left = _Left(queued, loaded)
        return queued
