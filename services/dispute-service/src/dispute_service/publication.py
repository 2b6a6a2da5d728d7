"""The public face of this service's log, for relay and feed alike."""

from collections import OrderedDict
from collections.abc import Sequence
from uuid import UUID

import msgspec
from msgspec import Raw

from dispute_service.disputes.document import dispute_id_of
from dispute_service.disputes.events import DisputeEvent
from dispute_service.disputes.published import published
from dispute_service.disputes.state import Dispute, State
from dispute_service.disputes.stream import DISPUTE
from redress.contracts.catalogue import dataschema
from redress.contracts.dispute_events import SOURCE
from redress.contracts.envelope import Published
from redress.eventlog.aggregates import fold
from redress.eventlog.events import RecordedEvent, decode_meta
from redress.eventlog.log import EventLog
from redress.ids import public_id

REMEMBERED = 5_000  # states of disputes that are being published, so that their streams are not read for every event

_encoder = msgspec.json.Encoder(order="deterministic")


class DisputePublication:
    """Folds each dispute up to the event and says what the contract says. The same event, the same bytes."""

    def __init__(self, log: EventLog) -> None:
        self._log = log
        self._states: OrderedDict[UUID, tuple[int, State]] = OrderedDict()

    async def publish(self, events: Sequence[RecordedEvent]) -> list[Published]:
        epoch = await self._log.epoch()
        made: list[Published] = []
        for event in events:
            if event.stream_type != DISPUTE.stream_type:
                continue
            fact = DISPUTE.codec.decode(event.type, event.schema_version, event.payload)
            after = await self._after(event, fact)
            if not isinstance(after, Dispute):
                continue
            public = published(fact, dispute_id_of(event.stream_id), after)
            if public is not None:
                made.append(_enveloped(event, public.__struct_config__.tag, _encoder.encode(public), epoch))
        return made

    async def _after(self, event: RecordedEvent, fact: DisputeEvent) -> State:
        """The dispute after the event, from the remembered state when that is the version before it."""
        version, state = self._states.pop(event.stream_id, (-1, DISPUTE.initial))
        if event.version == 1:
            version, state = 0, DISPUTE.initial
        if version == event.version - 1:
            state = DISPUTE.evolve(state, fact)
        else:
            history = await self._log.read_stream(event.tenant_id, event.stream_id, 1, event.version)
            state = fold(DISPUTE, history)
        self._states[event.stream_id] = (event.version, state)
        while len(self._states) > REMEMBERED:
            self._states.popitem(last=False)
        return state


def _enveloped(event: RecordedEvent, kind: object, data: bytes, epoch: str) -> Published:
    meta = decode_meta(event.meta)
    if event.seq is None:
        raise ValueError("only events that have their place in the log are published")
    return Published(
        id=public_id("evt", event.event_id),
        source=SOURCE,
        type=str(kind),
        subject=event.stream_id,
        tenant=event.tenant_id,
        time=event.recorded_at,
        effective_at=event.effective_at,
        seq=event.seq,
        epoch=epoch,
        version=event.version,
        dataschema=dataschema(str(kind)),
        correlation_id=meta.correlation_id,
        data=Raw(data),
        causation_id=meta.causation_id,
        traceparent=meta.traceparent,
        actor=f"{meta.actor.kind}:{meta.actor.id}",
    )
