"""Keeps the holds of every invoice as dispute-service says. A reactor: it appends, and a rebuild never runs it.

What it appends becomes durable with the checkpoint, so no event of a dispute has two effects. A dispute of an invoice
that is not registered yet is recorded on the invoice's stream and holds as soon as the invoice arrives.
"""

from collections.abc import Iterable, Sequence
from typing import Protocol
from uuid import UUID

import asyncpg
import structlog
from msgspec.structs import replace

from collections_service.event_log.streams import INVOICE, invoice_stream
from collections_service.inbox.reports import reports
from collections_service.open_items import decisions
from collections_service.open_items.commands import ReportDispute
from collections_service.open_items.refusals import OpenItemRefusal
from collections_service.open_items.state import OpenItem
from redress.contracts.envelope import Published
from redress.eventlog.aggregates import Loaded, fold, write
from redress.eventlog.events import Actor, Appended, CommandRecord, Meta, RecordedEvent, StreamWrite
from redress.eventlog.log import VersionConflict
from redress.ids import derived_uuid

Connection = asyncpg.Connection | asyncpg.pool.PoolConnectionProxy

ATTEMPTS = 5
MAX_VERSION = 2**62

_log = structlog.stdlib.get_logger("collections.inbox")


class AppendsInTransaction(Protocol):
    """The part of the event log that a reactor needs: an append that becomes durable with the caller's commit."""

    async def append_on(
        self,
        connection: asyncpg.Connection,
        tenant_id: str,
        writes: Sequence[StreamWrite],
        command: CommandRecord | None = None,
    ) -> Appended: ...


class HoldKeeper:
    """Follows the events of dispute-service."""

    name = "holds"
    reactor = True

    def __init__(self, log: AppendsInTransaction) -> None:
        self._log = log

    async def apply(self, connection: Connection, events: Sequence[Published]) -> None:
        told: dict[tuple[str, UUID], list[tuple[Published, ReportDispute]]] = {}
        for event in events:
            for invoice_id, report in reports(event).items():
                told.setdefault((event.tenant, invoice_stream(event.tenant, invoice_id)), []).append((event, report))
        # In the order of the streams' ids, as every append takes them: then two can wait for each other, never both.
        for (tenant_id, stream), news in sorted(told.items(), key=lambda each: each[0][1]):
            await self._record(connection, tenant_id, stream, news)

    async def _record(
        self, connection: Connection, tenant_id: str, stream: UUID, news: Sequence[tuple[Published, ReportDispute]]
    ) -> None:
        for attempt in range(ATTEMPTS):
            loaded = await _load(connection, tenant_id, stream)
            stream_write = _decide(loaded, news)
            if stream_write is None:
                return
            try:
                await self._log.append_on(connection, tenant_id, [stream_write])  # type: ignore[arg-type]
            except VersionConflict:
                if attempt == ATTEMPTS - 1:
                    raise
            else:
                return


def _decide(loaded: Loaded[OpenItem], news: Iterable[tuple[Published, ReportDispute]]) -> StreamWrite | None:
    """One write with what all the reports change, None if they change nothing."""
    whole: StreamWrite | None = None
    for event, report in news:
        try:
            decided = decisions.report_dispute(report, loaded.state)
        except OpenItemRefusal as refusal:
            # dispute-service knows the invoice's currency too; if it does not agree, nothing can be held.
            _log.error("hold_refused", dispute=report.dispute_id, event_id=event.id, reason=str(refusal))
            continue
        if not decided:
            continue
        meta = Meta(
            actor=Actor("service", "collections-service"),
            command_id=str(derived_uuid("holds", event.id, str(loaded.stream_id))),
            correlation_id=event.correlation_id,
            causation_id=event.id,
            traceparent=event.traceparent,
        )
        part, state = write(INVOICE, loaded, decided, meta, event.effective_at)
        whole = part if whole is None else replace(part, expected=whole.expected, events=whole.events + part.events)
        loaded = Loaded(loaded.stream_id, loaded.version + len(decided), state)
    return whole


async def _load(connection: Connection, tenant_id: str, stream: UUID) -> Loaded[OpenItem]:
    """Read on the caller's connection, so that its own uncommitted events are seen."""
    rows = await connection.fetch("SELECT * FROM es.read_stream($1, $2, 1, $3)", tenant_id, stream, MAX_VERSION)
    events = [RecordedEvent(tenant_id=tenant_id, stream_id=stream, **dict(row)) for row in rows]
    return Loaded(stream, events[-1].version if events else 0, fold(INVOICE, events))
