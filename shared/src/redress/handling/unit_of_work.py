"""One unit of work: the streams that a command or a reaction touches, read once, decided on in memory, and appended
together."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol, TypeVar
from uuid import UUID

import msgspec
from msgspec import Struct

from redress.decider import Decider, LoadedStream
from redress.eventlog.events import Meta, NewEvent, StreamWrite, encode_meta
from redress.ids import derived_uuid

S = TypeVar("S")
E = TypeVar("E")

Streams = Mapping[UUID, Decider[Any, Any]]
"""Streams, and what each of them is a stream of."""


class StreamReader(Protocol):
    """Where a unit of work reads streams of its tenant."""

    async def read(self, streams: Streams) -> Mapping[UUID, tuple[int, Any]]:
        """Version and state of every stream asked for; version 0 and the initial state for one that does not exist or
        is another tenant's."""
        ...


class Cause(Struct, frozen=True):
    """Why events come about and when they count in the books. Deciders whose events are `dated` say that themselves."""

    meta: Meta
    effective_at: datetime


class _Stream(Struct):
    decider: Decider[Any, Any]
    read_version: int
    state: Any
    new: list[NewEvent]
    recorded_by: dict[str, int]  # how many of the new events each command has made
    document: tuple[int, bytes | None] | None = None  # made for this version


class UnitOfWork:
    """States of one tenant's streams, with everything recorded here already counted in.

    `cause` is of what is recorded next; a reaction to several events sets it for each.
    """

    def __init__(self, tenant: str, reader: StreamReader, cause: Cause) -> None:
        self.tenant = tenant
        self.cause = cause
        self._reader = reader
        self._streams: dict[UUID, _Stream] = {}

    async def load(self, decider: Decider[S, E], stream_ids: Iterable[UUID]) -> None:
        """Read the streams that are not here yet, in one go."""
        await self.load_all(dict.fromkeys(stream_ids, decider))

    async def load_all(self, streams: Streams) -> None:
        """Read streams of several kinds in one go, those that are not here yet."""
        missing = {each: decider for each, decider in streams.items() if each not in self._streams}
        if not missing:
            return
        for stream_id, (version, state) in (await self._reader.read(missing)).items():
            self.seed(missing[stream_id], stream_id, version, state)

    def seed(self, decider: Decider[S, E], stream_id: UUID, version: int, state: S) -> None:
        """Take what is known of a stream already. The append finds out if it is known no longer."""
        self._streams[stream_id] = _Stream(decider, version, state, [], {})

    def start_new(self, decider: Decider[S, E], stream_id: UUID) -> None:
        """Take a stream for new without reading it: its id was made just now. The append finds out."""
        self.seed(decider, stream_id, 0, decider.initial)

    async def state(self, decider: Decider[S, E], stream_id: UUID) -> S:
        """The state with everything recorded here; it is read if it is not here yet."""
        if stream_id not in self._streams:
            await self.load(decider, [stream_id])
        state: S = self._streams[stream_id].state
        return state

    def version(self, stream_id: UUID) -> int:
        """The version after everything that is recorded here; 0 for a stream that does not exist. KeyError for one
        that is not here."""
        stream = self._streams[stream_id]
        return stream.read_version + len(stream.new)

    def is_new(self, stream_id: UUID) -> bool:
        """Whether the stream did not exist before this unit of work. KeyError for one that is not here."""
        return self._streams[stream_id].read_version == 0

    def record(self, decider: Decider[S, E], stream_id: UUID, events: Sequence[E], *, policy: Sequence[str] = ()) -> S:
        """Continue a stream that is here; the state afterwards. `policy` names the policies the decision used.

        Event ids derive from the command, the stream and the place among the command's events of that stream, so that
        a repeated command makes the same ids at any version of the stream.
        """
        stream = self._streams[stream_id]
        if events:
            meta = self.cause.meta
            raw = encode_meta(msgspec.structs.replace(meta, policy=tuple(policy)) if policy else meta)
            stream.new += [self._new_event(decider, stream_id, stream, event, raw) for event in events]
            for event in events:
                stream.state = decider.evolve(stream.state, event)
        state: S = stream.state
        return state

    def _new_event(self, decider: Decider[Any, E], stream_id: UUID, stream: _Stream, event: E, meta: bytes) -> NewEvent:
        command_id = self.cause.meta.command_id
        index = stream.recorded_by.get(command_id, 0)
        stream.recorded_by[command_id] = index + 1
        name, schema_version, payload = decider.codec.encode(event)
        return NewEvent(
            event_id=event_id(command_id, stream_id, index),
            type=name,
            schema_version=schema_version,
            payload=payload,
            meta=meta,
            effective_at=event.at if decider.dated else self.cause.effective_at,  # type: ignore[attr-defined]
        )

    def document(self, stream_id: UUID) -> bytes | None:
        """The current-state document of a stream that events were recorded on. None for another one, and where the
        aggregate keeps none."""
        stream = self._streams[stream_id]
        if not stream.new or stream.decider.document is None:
            return None
        version = self.version(stream_id)
        if stream.document is None or stream.document[0] != version:
            stream.document = version, stream.decider.document(stream_id, version, stream.state)
        return stream.document[1]

    @property
    def rests_on_others(self) -> bool:
        """Whether a stream was read and not written to. The append checks the versions of what is written only."""
        return any(not stream.new for stream in self._streams.values())

    def states(self) -> Iterator[tuple[UUID, int, Any]]:
        """Each stream with its version and state, as they are once everything recorded here is stored."""
        for stream_id, stream in self._streams.items():
            yield stream_id, self.version(stream_id), stream.state

    def writes(self) -> list[StreamWrite]:
        """One write per stream that events were recorded on."""
        return [
            StreamWrite(
                stream_id=stream_id,
                stream_type=stream.decider.stream_type,
                expected=stream.read_version,
                events=tuple(stream.new),
                current=self.document(stream_id),
            )
            for stream_id, stream in self._streams.items()
            if stream.new
        ]


def write_on(
    decider: Decider[S, E], loaded: LoadedStream[S], events: Sequence[E], cause: Cause
) -> tuple[StreamWrite, S]:
    """The write that continues one stream that was read, and the state after it. ValueError without an event."""
    uow = UnitOfWork("", _NoStreams(), cause)
    uow.seed(decider, loaded.stream_id, loaded.version, loaded.state)
    state = uow.record(decider, loaded.stream_id, events)
    try:
        (write,) = uow.writes()
    except ValueError:
        raise ValueError("there is nothing to write") from None
    return write, state


class _NoStreams:
    async def read(self, streams: Streams) -> Mapping[UUID, tuple[int, Any]]:
        raise LookupError(f"{len(streams)} streams are not here")


def event_id(command_id: str, stream_id: UUID, index: int) -> UUID:
    """The id of the event that is the `index`-th (0, 1, …) of a command on a stream."""
    return derived_uuid("event", command_id, str(stream_id), str(index))
