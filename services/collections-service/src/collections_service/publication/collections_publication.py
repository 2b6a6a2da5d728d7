"""The public face of the ledger: which stored events are published, each with its invoice as it is afterwards."""

from collections import OrderedDict
from collections.abc import Sequence
from uuid import UUID

import msgspec

from collections_service.event_log.streams import INVOICE, RECEIPT
from collections_service.open_items.state import OpenItem
from collections_service.publication.mapping import published_of_invoice, published_of_receipt
from redress.contracts import collections_events as public
from redress.contracts.catalogue import dataschema
from redress.contracts.envelope import Published
from redress.eventlog.aggregates import fold
from redress.eventlog.events import RecordedEvent, decode_meta
from redress.eventlog.log import EventLog
from redress.ids import public_id

REMEMBERED = 10_000

_encoder = msgspec.json.Encoder()


class CollectionsPublication:
    """Relay and feed both ask it, so that both transports say the same. Nothing of customers is published."""

    def __init__(self, log: EventLog) -> None:
        self._log = log
        self._folded: OrderedDict[UUID, tuple[int, OpenItem]] = OrderedDict()

    async def publish(self, events: Sequence[RecordedEvent]) -> list[Published]:
        """The published events of these stored ones, in order; internal ones are left out."""
        epoch = await self._log.epoch()
        published: list[Published] = []
        for event in events:
            data = await self._data(event)
            if data is not None:
                published.append(_enveloped(event, data, epoch))
        return published

    async def _data(self, event: RecordedEvent) -> public.CollectionsEvent | None:
        if event.stream_type == INVOICE.stream_type:
            stored = INVOICE.codec.decode(event.type, event.schema_version, event.payload)
            return published_of_invoice(stored, await self._after(event))
        if event.stream_type == RECEIPT.stream_type:
            return published_of_receipt(RECEIPT.codec.decode(event.type, event.schema_version, event.payload))
        return None

    async def _after(self, event: RecordedEvent) -> OpenItem:
        """The invoice after this event. Following the log, the state before it is nearly always at hand."""
        version, item = self._folded.get(event.stream_id, (0, INVOICE.initial))
        if event.version == version + 1:
            item = INVOICE.evolve(item, INVOICE.codec.decode(event.type, event.schema_version, event.payload))
        elif event.version != version:
            history = await self._log.read_stream(event.tenant_id, event.stream_id, 1, event.version)
            item = fold(INVOICE, history)
        self._folded[event.stream_id] = (event.version, item)
        self._folded.move_to_end(event.stream_id)
        if len(self._folded) > REMEMBERED:
            self._folded.popitem(last=False)
        return item


def _enveloped(event: RecordedEvent, data: public.CollectionsEvent, epoch: str) -> Published:
    if event.seq is None:
        raise ValueError("an event without a place in the log cannot be published")
    meta = decode_meta(event.meta)
    type_name = str(data.__struct_config__.tag)
    return Published(
        id=public_id("evt", event.event_id),
        source=public.SOURCE,
        type=type_name,
        subject=event.stream_id,
        tenant=event.tenant_id,
        time=event.recorded_at,
        effective_at=event.effective_at,
        seq=event.seq,
        epoch=epoch,
        version=event.version,
        dataschema=dataschema(type_name),
        correlation_id=meta.correlation_id,
        causation_id=meta.causation_id or meta.command_id,
        traceparent=meta.traceparent,
        actor=f"{meta.actor.kind}:{meta.actor.id}",
        data=msgspec.Raw(_encoder.encode(data)),
    )
