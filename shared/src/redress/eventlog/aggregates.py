"""Load, fold and write: the shell around a pure aggregate, the same for every service."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Generic, TypeVar
from uuid import UUID

from msgspec import Struct

from redress.eventlog.codec import Codec
from redress.eventlog.events import Meta, NewEvent, RecordedEvent, StoredEvent, StreamWrite, encode_meta
from redress.eventlog.log import EventLog
from redress.ids import derived_uuid

S = TypeVar("S")
E = TypeVar("E")


class Aggregate(Struct, Generic[S, E], frozen=True):
    """A pure aggregate as the log sees it.

    `current` gives the current-state document (JSON bytes) of a stream for the service's own read model; None where
    the aggregate has none. It returns None for a stream that has no document yet; once it has one, it keeps one.
    `evolve` never raises: a stored event is a fact.
    """

    stream_type: str
    initial: S
    evolve: Callable[[S, E], S]
    codec: Codec[E]
    current: Callable[[UUID, int, S], bytes | None] | None = None


class Loaded(Struct, Generic[S], frozen=True):
    """A stream's state and the version it was folded to; version 0 is a stream that does not exist."""

    stream_id: UUID
    version: int
    state: S


def fold(aggregate: Aggregate[S, E], events: Sequence[RecordedEvent]) -> S:
    state = aggregate.initial
    for stored in events:
        event = aggregate.codec.decode(stored.type, stored.schema_version, stored.payload)
        state = aggregate.evolve(state, event)
    return state


def fold_facts(
    aggregate: Aggregate[S, E], facts: Sequence[StoredEvent], known: tuple[int, S] | None = None
) -> tuple[int, S]:
    """Version and state after the last of them, beginning from a known version and its state or from nothing."""
    version, state = known or (0, aggregate.initial)
    evolve, decode = aggregate.evolve, aggregate.codec.decode
    for version, name, schema_version, payload in facts:  # noqa: B007 - the last one's version is the stream's
        state = evolve(state, decode(name, schema_version, payload))
    return version, state


async def load(
    log: EventLog, aggregate: Aggregate[S, E], tenant_id: str, stream_id: UUID, to_version: int | None = None
) -> Loaded[S]:
    """The state now, or as of a version. Of another tenant's stream: as if it did not exist."""
    version, state = fold_facts(aggregate, await log.read_for_fold(tenant_id, stream_id, to_version))
    return Loaded(stream_id, version, state)


def write(
    aggregate: Aggregate[S, E], loaded: Loaded[S], events: Sequence[E], meta: Meta, effective_at: datetime
) -> tuple[StreamWrite, S]:
    """The write that appends `events` to the loaded stream, and the state after it.

    Event ids are derived from the command, the stream and the position, so that a repeated command makes the same ids.
    """
    state = loaded.state
    meta_bytes = encode_meta(meta)
    new: list[NewEvent] = []
    for index, event in enumerate(events):
        state = aggregate.evolve(state, event)
        name, schema_version, payload = aggregate.codec.encode(event)
        new.append(
            NewEvent(
                event_id=derived_uuid("event", meta.command_id, str(loaded.stream_id), str(index)),
                type=name,
                schema_version=schema_version,
                payload=payload,
                meta=meta_bytes,
                effective_at=effective_at,
            )
        )
    current = None
    if aggregate.current is not None:
        current = aggregate.current(loaded.stream_id, loaded.version + len(new), state)
    stream_write = StreamWrite(
        stream_id=loaded.stream_id,
        stream_type=aggregate.stream_type,
        expected=loaded.version,
        events=tuple(new),
        current=current,
    )
    return stream_write, state
