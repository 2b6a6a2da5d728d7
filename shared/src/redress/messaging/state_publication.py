"""The public face of a service's log: each stored event with the state of its stream after it, for relay and feed.

Every published event carries a summary of its aggregate as the event left it, so that a consumer needs no history.
"""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any, TypeVar
from uuid import UUID

import msgspec
from msgspec import Raw, Struct

from redress.contracts.catalogue import dataschema
from redress.contracts.envelope import PublishedEvent
from redress.decider import Decider, fold
from redress.eventlog.events import RecordedEvent, decode_meta
from redress.eventlog.log import EventLog
from redress.ids import public_id

S = TypeVar("S")
E = TypeVar("E")

REMEMBERED = 10_000  # states of streams that are being published, so that they are not read for every event

_encoder = msgspec.json.Encoder(order="deterministic")


class PublishedStream(Struct, frozen=True):
    """Says what is published of one kind of stream.

    `publish` maps a stored event, the id of its stream and the state after it to the contract; None for what stays
    internal.
    """

    decider: Decider[Any, Any]
    publish: Callable[[Any, UUID, Any], Struct | None]


def publishes(decider: Decider[S, E], publish: Callable[[E, UUID, S], Struct | None]) -> PublishedStream:
    """The same, with the types of event and state held together."""
    return PublishedStream(decider, publish)


class StatePublication:
    """Folds each stream up to the event and says what the contract says: the same event, the same bytes."""

    def __init__(self, log: EventLog, source: str, streams: Sequence[PublishedStream]) -> None:
        self._log = log
        self._source = source
        self._streams = {each.decider.stream_type: each for each in streams}
        self._states: OrderedDict[UUID, tuple[int, Any]] = OrderedDict()

    async def publish(self, events: Sequence[RecordedEvent]) -> list[PublishedEvent]:
        """The published events of these stored ones, in order; internal ones are left out."""
        epoch = await self._log.epoch()
        made: list[PublishedEvent] = []
        for event in events:
            stream = self._streams.get(event.stream_type)
            if stream is None:
                continue
            codec = stream.decider.codec
            fact = codec.decode(event.type, event.schema_version, event.payload)
            public = stream.publish(fact, event.stream_id, await self._after(stream.decider, event, fact))
            if public is not None:
                made.append(self._enveloped(event, public, epoch))
        return made

    async def _after(self, decider: Decider[S, E], event: RecordedEvent, fact: E) -> S:
        """The state after the event, from the remembered one when that is the version before it."""
        version, state = self._states.pop(event.stream_id, (-1, decider.initial))
        if event.version == 1:
            version, state = 0, decider.initial
        if version == event.version - 1:
            state = decider.evolve(state, fact)
        else:
            state = fold(decider, await self._log.read_stream(event.tenant_id, event.stream_id, 1, event.version))
        self._states[event.stream_id] = (event.version, state)
        while len(self._states) > REMEMBERED:
            self._states.popitem(last=False)
        return state

    def _enveloped(self, event: RecordedEvent, public: Struct, epoch: str) -> PublishedEvent:
        if event.seq is None:
            raise ValueError("only events that have their place in the log are published")
        meta = decode_meta(event.meta)
        kind = str(public.__struct_config__.tag)
        return PublishedEvent(
            id=public_id("evt", event.event_id),
            source=self._source,
            type=kind,
            subject=event.stream_id,
            tenant=event.tenant_id,
            time=event.recorded_at,
            effective_at=event.effective_at,
            seq=event.seq,
            epoch=epoch,
            version=event.version,
            dataschema=dataschema(kind),
            correlation_id=meta.correlation_id,
            causation_id=meta.causation_id or meta.command_id,
            traceparent=meta.traceparent,
            actor=f"{meta.actor.kind}:{meta.actor.id}",
            data=Raw(_encoder.encode(public)),
        )
