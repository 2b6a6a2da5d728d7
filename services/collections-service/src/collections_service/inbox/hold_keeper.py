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
from redress.eventlog.events import (
    Actor,
    Appended,
    CommandRecord,
    Meta,
    RecordedEvent,
    StreamWrite,
)
from redress.eventlog.log import VersionConflict
from redress.eventlog.portions import portions
from redress.ids import derived_uuid

Connection = asyncpg.Connection | asyncpg.pool.PoolConnectionProxy

ATTEMPTS = 5
MAX_VERSION = 2**62

_log = structlog.stdlib.get_logger("collections.inbox")


News = list[tuple[Published, ReportDispute]]


class HoldsContended(Exception):
    """Others kept appending to these invoices. The runner tries again."""

    def __init__(self, tenant_id: str, streams: Sequence[UUID]) -> None:
        super().__init__(f"{len(streams)} invoices of {tenant_id} changed again and again, the first: {streams[0]}")


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
        told: dict[str, dict[UUID, News]] = {}
        for event in events:
            for invoice_id, report in reports(event).items():
                of_tenant = told.setdefault(event.tenant, {})
                of_tenant.setdefault(invoice_stream(event.tenant, invoice_id), []).append((event, report))
        for tenant_id, news in sorted(told.items()):
            await self._record(connection, tenant_id, news)

    async def _record(self, connection: Connection, tenant_id: str, news: dict[UUID, News]) -> None:
        """Again with fresh states where somebody else was quicker: the API appends to the same invoices."""
        for _ in range(ATTEMPTS):
            loaded = await _load(connection, tenant_id, list(news))
            decided = [_decide(loaded[stream], told) for stream, told in news.items()]
            conflicted: set[UUID] = set()
            for portion in portions(each for each in decided if each is not None):
                conflicted |= await self._append(connection, tenant_id, portion)
            if not conflicted:
                return
            news = {stream: told for stream, told in news.items() if stream in conflicted}
        raise HoldsContended(tenant_id, sorted(news))

    async def _append(self, connection: Connection, tenant_id: str, writes: Sequence[StreamWrite]) -> set[UUID]:
        """The streams that could not be appended to. One conflict refuses a whole portion, so it is halved."""
        try:
            await self._log.append_on(connection, tenant_id, writes)  # type: ignore[arg-type]
        except VersionConflict:
            if len(writes) == 1:
                return {writes[0].stream_id}
            middle = len(writes) // 2
            conflicted = await self._append(connection, tenant_id, writes[:middle])
            return conflicted | await self._append(connection, tenant_id, writes[middle:])
        return set()


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


async def _load(connection: Connection, tenant_id: str, streams: Sequence[UUID]) -> dict[UUID, Loaded[OpenItem]]:
    """Read on the caller's connection, so that its own uncommitted events are seen."""
    rows = await connection.fetch(
        "SELECT s.stream_id, r.* FROM unnest($2::uuid[]) AS s(stream_id)"
        " CROSS JOIN LATERAL es.read_stream($1, s.stream_id, 1, $3) AS r ORDER BY s.stream_id, r.version",
        tenant_id,
        list(streams),
        MAX_VERSION,
    )
    events: dict[UUID, list[RecordedEvent]] = {stream: [] for stream in streams}
    for row in rows:
        events[row["stream_id"]].append(RecordedEvent(tenant_id=tenant_id, **dict(row)))
    return {stream: Loaded(stream, len(read), fold(INVOICE, read)) for stream, read in events.items()}
