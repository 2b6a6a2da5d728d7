"""Every message of an ERP as it came: exact bytes (sealed), SHA-256, time of receipt, and what became of it.

A message is kept before anything is decided about it, so that nothing an ERP says can be lost. Waiting messages are
found here again when what they wait for has come.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime

import asyncpg
from msgspec import Struct

from redress.eventlog.connections import Connection
from redress.legal_entities.zones import Zones, zones

RELEASED_AT_ONCE = 500
FAILED = "failed_for_now"
FIRST_PAUSE_S = 5
LONGEST_PAUSE_S = 3600
_ACQUIRE_S = 2.0


class NewMessage(Struct, frozen=True, kw_only=True):
    """`source` and `source_event_id` are empty for what could not be read. `raw` are the boxes of one sealed text."""

    source: str
    source_event_id: str
    sha256: bytes
    kind: str
    person: str
    raw: tuple[bytes, ...]


class KeptMessage(Struct, frozen=True):
    """The stored message: its number, and its result so far (`received` when it is new)."""

    id: int
    result: str


class MessageOutcome(Struct, frozen=True, kw_only=True):
    """The result of a message."""

    id: int
    result: str
    code: str | None = None
    reason: str | None = None
    pointer: str | None = None
    waits_for: str | None = None


class StoredMessage(Struct, frozen=True, kw_only=True):
    id: int
    tenant_id: str
    received_at: datetime
    person: str
    raw: tuple[bytes, ...]


class MessageStore:
    """The table erp.message, through connections of the log's role."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def keep(
        self, tenant_id: str, messages: Sequence[NewMessage], via: str, received_at: datetime
    ) -> dict[tuple[str, str, bytes], KeptMessage]:
        """Store the messages, or count them once more; by (source, source_event_id, sha256), each once per call."""
        async with self._transaction(tenant_id) as connection:
            rows = await connection.fetch(
                "INSERT INTO erp.message AS m (tenant_id, source, source_event_id, sha256, kind, via, person, raw,"
                " received_at, last_received_at)"
                " SELECT $1, n.source, n.source_event_id, n.sha256, n.kind, $2, n.person,"
                "  ($9::bytea[])[n.first:n.first + n.boxes - 1], $3, $3"
                " FROM unnest($4::text[], $5::text[], $6::bytea[], $7::text[], $8::text[], $10::int[], $11::int[])"
                "  AS n(source, source_event_id, sha256, kind, person, first, boxes)"
                " ON CONFLICT (tenant_id, source, source_event_id, sha256)"
                "  DO UPDATE SET times = m.times + 1, last_received_at = excluded.last_received_at"
                " RETURNING id, source, source_event_id, sha256, result",
                tenant_id,
                via,
                received_at,
                [m.source for m in messages],
                [m.source_event_id for m in messages],
                [m.sha256 for m in messages],
                [m.kind for m in messages],
                [m.person for m in messages],
                [box for m in messages for box in m.raw],
                _first_boxes(messages),
                [len(m.raw) for m in messages],
            )
        return {
            (row["source"], row["source_event_id"], row["sha256"]): KeptMessage(row["id"], row["result"])
            for row in rows
        }

    async def zones(self, tenant_id: str) -> Zones:
        """In which zones the tenant's legal entities received them."""
        async with self._transaction(tenant_id) as connection:
            return await zones(connection, tenant_id)

    async def settle(self, tenant_id: str, settled: Sequence[MessageOutcome], at: datetime) -> None:
        """Write down what became of the messages."""
        if not settled:
            return
        async with self._transaction(tenant_id) as connection:
            await connection.execute(
                "UPDATE erp.message AS m SET result = s.result, code = s.code, reason = s.reason, pointer = s.pointer,"
                " waits_for = s.waits_for, settled_at = $8"
                " FROM unnest($2::bigint[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[])"
                "  AS s(id, result, code, reason, pointer, waits_for)"
                " WHERE m.id = s.id AND m.tenant_id = $1",
                tenant_id,
                [s.id for s in settled],
                [s.result for s in settled],
                [s.code for s in settled],
                [s.reason for s in settled],
                [s.pointer for s in settled],
                [s.waits_for for s in settled],
                at,
            )

    async def note_failures(self, tenant_id: str, failed: Mapping[int, str], at: datetime) -> None:
        """Why nothing came of these messages, by their number. They stay what they are, and the sweep leaves them alone
        for a while that doubles with every failure."""
        if not failed:
            return
        async with self._transaction(tenant_id) as connection:
            await connection.execute(
                "UPDATE erp.message AS m SET failures = m.failures + 1, code = $5, reason = f.reason,"
                " try_after = $4::timestamptz + least($7, $6 * 2 ^ least(m.failures, 20)) * interval '1 second'"
                " FROM unnest($2::bigint[], $3::text[]) AS f(id, reason)"
                " WHERE m.id = f.id AND m.tenant_id = $1 AND m.result IN ('received', 'waiting')",
                tenant_id,
                list(failed),
                list(failed.values()),
                at,
                FAILED,
                FIRST_PAUSE_S,
                LONGEST_PAUSE_S,
            )

    async def waiting_for(self, tenant_id: str, arrived: Sequence[str]) -> list[StoredMessage]:
        """Messages that wait for one of these, in the order in which they came."""
        if not arrived:
            return []
        async with self._transaction(tenant_id) as connection:
            rows = await connection.fetch(
                "SELECT id, tenant_id, received_at, person, raw FROM erp.message"
                " WHERE tenant_id = $1 AND result = 'waiting' AND waits_for = ANY($2::text[]) ORDER BY id LIMIT $3",
                tenant_id,
                list(arrived),
                RELEASED_AT_ONCE,
            )
        return [_stored(row) for row in rows]

    async def unsettled(
        self, now: datetime, died_before: datetime, limit: int = RELEASED_AT_ONCE
    ) -> list[StoredMessage]:
        """For the sweep (worker role: all tenants): messages whose wait is over by now but that nobody has released,
        and those received before `died_before` that nothing became of; of those that failed, the ones whose time has
        come again."""
        async with self._pool.acquire(timeout=_ACQUIRE_S) as connection:
            rows = await connection.fetch(
                "SELECT m.id, m.tenant_id, m.received_at, m.person, m.raw FROM erp.message m"
                " WHERE (m.try_after IS NULL OR m.try_after <= $3) AND ("
                "  m.result = 'received' AND m.last_received_at < $1 OR m.result = 'waiting' AND ("
                "   EXISTS (SELECT FROM read.invoice_current i"
                "     WHERE i.tenant_id = m.tenant_id AND m.waits_for = 'invoice ' || i.invoice_id)"
                "   OR EXISTS (SELECT FROM read.invoice_current i WHERE i.tenant_id = m.tenant_id"
                "      AND m.waits_for = 'invoice ' || i.invoice_id || ' of ' || i.legal_entity)"
                "   OR EXISTS (SELECT FROM read.receipt_current r"
                "     WHERE r.tenant_id = m.tenant_id AND r.doc->>'kind' = 'payment'"
                "      AND m.waits_for = 'payment ' || r.source || ' ' || r.receipt_id)"
                " )) ORDER BY m.id LIMIT $2",
                died_before,
                limit,
                now,
            )
        return [_stored(row) for row in rows]

    async def note_control_numbers(self, tenant_id: str, numbers: Mapping[str, Sequence[int]], at: datetime) -> None:
        """Count gaps and backward jumps in the control numbers of each source, given in the order of arrival.

        Gaps are normal (other business events use numbers too) and only counted; a backward jump hints at a replay.
        """
        if not numbers:
            return
        async with self._transaction(tenant_id) as connection:
            rows = await connection.fetch(
                "SELECT source, highest FROM erp.control WHERE tenant_id = $1 AND source = ANY($2::text[])"
                " ORDER BY source FOR UPDATE",
                tenant_id,
                sorted(numbers),
            )
            highest = {row["source"]: row["highest"] for row in rows}
            for source in sorted(numbers):
                top = highest.get(source)
                gaps = backward = 0
                for number in numbers[source]:
                    if top is not None and number < top:
                        backward += 1
                        continue
                    if top is not None and number > top + 1:
                        gaps += 1
                    top = number
                await connection.execute(
                    "INSERT INTO erp.control AS c (tenant_id, source, highest, gaps, backward_jumps, last_backward_at)"
                    " VALUES ($1, $2, $3, $4, $5::bigint, CASE WHEN $5::bigint > 0 THEN $6::timestamptz END)"
                    " ON CONFLICT (tenant_id, source) DO UPDATE SET highest = greatest(c.highest, excluded.highest),"
                    " gaps = c.gaps + excluded.gaps, backward_jumps = c.backward_jumps + excluded.backward_jumps,"
                    " last_backward_at = coalesce(excluded.last_backward_at, c.last_backward_at)",
                    tenant_id,
                    source,
                    top,
                    gaps,
                    backward,
                    at,
                )

    @asynccontextmanager
    async def _transaction(self, tenant_id: str) -> AsyncIterator[Connection]:
        async with self._pool.acquire(timeout=_ACQUIRE_S) as connection, connection.transaction():
            await connection.execute("SELECT set_config('app.tenant', $1, true)", tenant_id)
            yield connection


def _first_boxes(messages: Sequence[NewMessage]) -> list[int]:
    first, position = [], 1
    for message in messages:
        first.append(position)
        position += len(message.raw)
    return first


def _stored(row: asyncpg.Record) -> StoredMessage:
    return StoredMessage(
        id=row["id"],
        tenant_id=row["tenant_id"],
        received_at=row["received_at"],
        person=row["person"],
        raw=tuple(row["raw"]),
    )
