"""The three kinds of streams and the ids of their members. The same names always give the same stream."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final
from uuid import UUID

import asyncpg

from dispute_service.disputable_invoices import state as invoices
from dispute_service.disputable_invoices.events import InvoiceEvent
from dispute_service.disputable_invoices.state import DisputableInvoice
from dispute_service.disputes import state as disputes
from dispute_service.disputes.events import DisputeEvent
from dispute_service.disputes.state import State
from dispute_service.event_log.codec import DISPUTE_CODEC, INVOICE_CODEC, MATRIX_CODEC
from dispute_service.event_log.document import current_json
from dispute_service.policies.matrix import ResolutionMatrix
from dispute_service.resolution_matrix import state as matrix
from dispute_service.resolution_matrix.events import MatrixEvent
from redress.eventlog.aggregates import Aggregate
from redress.eventlog.events import StoredEvent
from redress.eventlog.log import EventLog
from redress.ids import derived_uuid
from redress.projections.projection import Connection

DISPUTE: Final[Aggregate[State, DisputeEvent]] = Aggregate(
    stream_type="dispute",
    initial=disputes.INITIAL,
    evolve=disputes.evolve,
    codec=DISPUTE_CODEC,
    current=current_json,
)
INVOICE: Final[Aggregate[DisputableInvoice, InvoiceEvent]] = Aggregate(
    stream_type="disputable-invoice",
    initial=invoices.INITIAL,
    evolve=invoices.evolve,
    codec=INVOICE_CODEC,
)
MATRIX: Final[Aggregate[ResolutionMatrix, MatrixEvent]] = Aggregate(
    stream_type="resolution-matrix",
    initial=matrix.INITIAL,
    evolve=matrix.evolve,
    codec=MATRIX_CODEC,
)

Streams = Mapping[UUID, Sequence[StoredEvent]]
ReadStreams = Callable[[Sequence[UUID]], Awaitable[Streams]]


def invoice_stream(tenant_id: str, invoice_id: str) -> UUID:
    return derived_uuid("disputable-invoice", tenant_id, invoice_id)


def matrix_stream(tenant_id: str) -> UUID:
    return derived_uuid("resolution-matrix", tenant_id)


def read_from(log: EventLog, tenant_id: str) -> ReadStreams:
    """Streams as they are committed."""

    async def read(stream_ids: Sequence[UUID]) -> Streams:
        return (await log.read_for_command(tenant_id, None, dict.fromkeys(stream_ids, 0))).streams

    return read


_ON_CONNECTION = """
SELECT e.stream_id, e.version, e.type, e.schema_version, e.payload
FROM es.event e WHERE e.tenant_id = $1 AND e.stream_id = ANY ($2) ORDER BY e.stream_id, e.version
"""


def read_on(connection: Connection | asyncpg.Connection, tenant_id: str) -> ReadStreams:
    """Streams as this transaction sees them, its own appends included: for reactors."""

    async def read(stream_ids: Sequence[UUID]) -> Streams:
        streams: dict[UUID, list[StoredEvent]] = {stream_id: [] for stream_id in stream_ids}
        for stream_id, *fact in await connection.fetch(_ON_CONNECTION, tenant_id, list(stream_ids)):
            streams[stream_id].append(tuple(fact))
        return streams

    return read
