"""The pure half of an aggregate as the log sees it, and the fold over its events.

`decide` itself is called by a feature's `handle.py` with whatever it needs besides command and state (a policy, the
time), so it is no field here.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Generic, TypeVar
from uuid import UUID

from msgspec import Struct

from redress.codec import Codec
from redress.eventlog.events import RecordedEvent, StoredEvent
from redress.eventlog.log import EventLog

S = TypeVar("S")
E = TypeVar("E")


class Decider(Struct, Generic[S, E], frozen=True, kw_only=True):
    """`evolve` never raises: a stored event is a fact.

    `document` makes the current-state document (JSON bytes) of a stream at a version, which is written beside each
    append; None where the aggregate keeps none, and None from the function where this stream has none yet.
    `dated` says that each event carries the time it counts in the books as `at`; otherwise the command says it for all
    its events.
    """

    stream_type: str
    initial: S
    evolve: Callable[[S, E], S]
    codec: Codec[E]
    document: Callable[[UUID, int, S], bytes | None] | None = None
    dated: bool = False


class LoadedStream(Struct, Generic[S], frozen=True):
    """A stream's state and the version it was folded to; version 0 is a stream that does not exist."""

    stream_id: UUID
    version: int
    state: S


def fold(decider: Decider[S, E], events: Iterable[RecordedEvent]) -> S:
    """The state after these recorded events of one stream, which begin with its first."""
    state = decider.initial
    for stored in events:
        state = decider.evolve(state, decider.codec.decode(stored.type, stored.schema_version, stored.payload))
    return state


def fold_stored(
    decider: Decider[S, E], stored: Sequence[StoredEvent], known: tuple[int, S] | None = None
) -> tuple[int, S]:
    """Version and state after the last of them, beginning from a known version and its state or from nothing."""
    version, state = known or (0, decider.initial)
    evolve, decode = decider.evolve, decider.codec.decode
    for version, name, schema_version, payload in stored:  # noqa: B007 - the last one's version is the stream's
        state = evolve(state, decode(name, schema_version, payload))
    return version, state


async def load(
    log: EventLog, decider: Decider[S, E], tenant_id: str, stream_id: UUID, to_version: int | None = None
) -> LoadedStream[S]:
    """The state now, or as of a version. Of another tenant's stream: as if it did not exist."""
    version, state = fold_stored(decider, await log.read_for_fold(tenant_id, stream_id, to_version))
    return LoadedStream(stream_id, version, state)
