"""Which state of each dispute was the known one, and when: for lists as known at a past instant.

Follows the own log. One row per version, from the time it was recorded until the next one was. Table and query:
`read.dispute_history`, `disputes/list.py`.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from uuid import UUID

import msgspec
from msgspec import Struct

from dispute_service.disputes.document import Row, current
from dispute_service.disputes.state import Dispute
from dispute_service.disputes.stream import DISPUTE
from redress.eventlog.connections import Connection
from redress.eventlog.events import RecordedEvent


class Known(Struct, frozen=True, kw_only=True):
    """A version of a dispute and when it became the known one."""

    tenant_id: str
    dispute: UUID
    version: int
    known_from: datetime
    row: Row
    doc: str


_INSERT = """
INSERT INTO dispute_history (tenant_id, dispute_id, version, known_from, status, reason_code, customer_id, owner, team,
                             opened_at, sla_due_at, open_minor, invoice_ids, search, doc)
SELECT k.tenant, k.dispute, k.version, k.known_from, k.status, k.reason, k.customer, k.owner, k.team, k.opened_at,
       k.due, k.open, ARRAY(SELECT jsonb_array_elements_text(k.invoices)), k.search, k.doc
FROM unnest($1::text[], $2::uuid[], $3::bigint[], $4::timestamptz[], $5::text[], $6::text[], $7::text[], $8::text[],
            $9::text[], $10::timestamptz[], $11::timestamptz[], $12::bigint[], $13::jsonb[], $14::text[], $15::jsonb[])
  AS k(tenant, dispute, version, known_from, status, reason, customer, owner, team, opened_at, due, open, invoices,
       search, doc)
ON CONFLICT (dispute_id, version) DO NOTHING
"""
_CLOSE = """
UPDATE dispute_history h SET known_until = n.known_from
FROM dispute_history n
WHERE h.dispute_id = ANY ($1) AND h.known_until IS NULL AND n.dispute_id = h.dispute_id AND n.version = h.version + 1
"""


_HISTORIES = """
SELECT e.stream_id, e.version, e.event_id, e.stream_type, e.type, e.schema_version, e.payload, e.meta, e.effective_at,
       e.recorded_at, e.prev_hash, e.hash
FROM es.event e WHERE e.tenant_id = $1 AND e.stream_id = ANY ($2) ORDER BY e.stream_id, e.version
"""


class DisputeHistory:
    """The projection of `read.dispute_history`."""

    name = "dispute-history"
    tables = ("dispute_history",)

    async def apply(self, connection: Connection, events: Sequence[RecordedEvent]) -> None:
        rows: list[Known] = []
        touched: list[UUID] = []
        for tenant_id in dict.fromkeys(event.tenant_id for event in events):
            wanted = [e for e in events if e.tenant_id == tenant_id and e.stream_type == DISPUTE.stream_type]
            streams = list(dict.fromkeys(event.stream_id for event in wanted))
            if not streams:
                continue
            versions = {(event.stream_id, event.version) for event in wanted}
            for stream_id, history in (await _histories(connection, tenant_id, streams)).items():
                rows += [known for known in project(history) if (stream_id, known.version) in versions]
            touched += streams
        if rows:
            await connection.execute(_INSERT, *_columns(rows))
            await connection.execute(_CLOSE, touched)


async def _histories(
    connection: Connection, tenant_id: str, streams: Sequence[UUID]
) -> Mapping[UUID, Sequence[RecordedEvent]]:
    histories: dict[UUID, list[RecordedEvent]] = {stream_id: [] for stream_id in streams}
    for row in await connection.fetch(_HISTORIES, tenant_id, streams):
        histories[row["stream_id"]].append(RecordedEvent(tenant_id=tenant_id, **dict(row)))
    return histories


def project(history: Sequence[RecordedEvent]) -> Iterator[Known]:
    """What was known after each event of one dispute. Pure."""
    state = DISPUTE.initial
    for event in history:
        state = DISPUTE.evolve(state, DISPUTE.codec.decode(event.type, event.schema_version, event.payload))
        if not isinstance(state, Dispute):
            continue
        now = current(event.stream_id, event.version, state)
        yield Known(
            tenant_id=event.tenant_id,
            dispute=event.stream_id,
            version=event.version,
            known_from=event.recorded_at,
            row=now.row,
            doc=msgspec.json.encode(now.dispute).decode(),
        )


def _columns(rows: Sequence[Known]) -> tuple[list[object], ...]:
    return (
        [known.tenant_id for known in rows],
        [known.dispute for known in rows],
        [known.version for known in rows],
        [known.known_from for known in rows],
        [known.row.status for known in rows],
        [known.row.reason_code for known in rows],
        [known.row.customer_id for known in rows],
        [known.row.owner for known in rows],
        [known.row.team for known in rows],
        [known.row.opened_at for known in rows],
        [known.row.sla_due_at for known in rows],
        [known.row.open_minor for known in rows],
        [msgspec.json.encode(known.row.invoice_ids).decode() for known in rows],
        [known.row.search for known in rows],
        [known.doc for known in rows],
    )
