"""One unit of work: the streams a command touches, read once, decided on in memory, and appended together."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any, Protocol, TypeVar
from uuid import UUID

from msgspec import Struct

from dispute_service.event_log.streams import ReadStreams
from redress.eventlog.aggregates import Aggregate, fold_facts
from redress.eventlog.events import Meta, NewEvent, StreamWrite, encode_meta
from redress.ids import derived_uuid

S = TypeVar("S")


class Dated(Protocol):
    """An event that says when it counts in the books."""

    @property
    def at(self) -> datetime: ...


E = TypeVar("E", bound=Dated)


class _Stream(Struct):
    aggregate: Aggregate[Any, Any]
    read_version: int
    state: Any
    new: list[NewEvent]
    current: tuple[int, bytes | None] | None = None  # made for this version


class Unit:
    """States of streams, with what is going to be appended to them already counted in."""

    def __init__(self, read: ReadStreams) -> None:
        self._read = read
        self._streams: dict[UUID, _Stream] = {}

    async def load(self, aggregate: Aggregate[S, E], stream_ids: Iterable[UUID]) -> None:
        """Read the streams that are not here yet, in one go where the source can."""
        missing = [stream_id for stream_id in dict.fromkeys(stream_ids) if stream_id not in self._streams]
        if not missing:
            return
        for stream_id, facts in (await self._read(missing)).items():
            self.know(aggregate, stream_id, *fold_facts(aggregate, facts))

    def know(self, aggregate: Aggregate[S, E], stream_id: UUID, version: int, state: S) -> None:
        """Take what is known of a stream already."""
        self._streams[stream_id] = _Stream(aggregate, version, state, [])

    def begin(self, aggregate: Aggregate[S, E], stream_id: UUID) -> None:
        """Take a stream for new without reading it: its id was made just now. The append finds out."""
        self._streams[stream_id] = _Stream(aggregate, 0, aggregate.initial, [])

    async def state(self, aggregate: Aggregate[S, E], stream_id: UUID) -> S:
        await self.load(aggregate, [stream_id])
        state: S = self._streams[stream_id].state
        return state

    def version(self, stream_id: UUID) -> int:
        """The version after everything that is recorded here; 0 for a stream that does not exist."""
        stream = self._streams[stream_id]
        return stream.read_version + len(stream.new)

    def record(self, aggregate: Aggregate[S, E], stream_id: UUID, events: Sequence[E], meta: Meta) -> S:
        """Continue a loaded stream; the state afterwards. Event ids derive from the command, the stream and the
        position in it, so that a repeated command makes the same ones."""
        stream = self._streams[stream_id]
        raw = encode_meta(meta)
        for event in events:
            stream.state = aggregate.evolve(stream.state, event)
            name, schema_version, payload = aggregate.codec.encode(event)
            position = str(stream.read_version + len(stream.new))
            stream.new.append(
                NewEvent(
                    event_id=derived_uuid("event", meta.command_id, str(stream_id), position),
                    type=name,
                    schema_version=schema_version,
                    payload=payload,
                    meta=raw,
                    effective_at=event.at,
                )
            )
        state: S = stream.state
        return state

    def current(self, stream_id: UUID) -> bytes | None:
        """The current-state document of a stream that is going to be appended to. None for one that is not, or has
        no such document."""
        stream = self._streams[stream_id]
        if not stream.new or stream.aggregate.current is None:
            return None
        version = self.version(stream_id)
        if stream.current is None or stream.current[0] != version:
            stream.current = version, stream.aggregate.current(stream_id, version, stream.state)
        return stream.current[1]

    def states(self) -> Iterator[tuple[UUID, int, Any]]:
        """Each stream with its version and state, as they are once everything recorded here is stored."""
        for stream_id, stream in self._streams.items():
            yield stream_id, self.version(stream_id), stream.state

    def writes(self) -> list[StreamWrite]:
        """One write per stream that got events."""
        return [
            StreamWrite(
                stream_id=stream_id,
                stream_type=stream.aggregate.stream_type,
                expected=stream.read_version,
                events=tuple(stream.new),
                current=self.current(stream_id),
            )
            for stream_id, stream in self._streams.items()
            if stream.new
        ]
