"""`GET /v1/erp/sources/{source}/health`: the last message of a source, what waits and what was refused."""

from datetime import datetime

import asyncpg
from msgspec import Struct

from redress.reading.tenant_reads import TenantReads

LISTED = 100


class ControlNumbers(Struct, frozen=True, kw_only=True):
    """Gaps are normal (other events use numbers too); a backward jump hints at a replay or a restored system."""

    highest: int
    gaps: int
    backward_jumps: int
    last_backward_at: datetime | None


class ListedMessage(Struct, frozen=True, kw_only=True):
    kind: str
    source_event_id: str
    received_at: datetime
    code: str | None
    reason: str | None
    pointer: str | None
    waits_for: str | None


class SourceHealth(Struct, frozen=True, kw_only=True):
    """`counts` are messages by what became of them; `repeated` is how often one came again. At most 100 are listed.

    Those that are `failing` are kept and tried again: the failure is not their sender's fault. `undescribed_entities`
    are legal entities that its invoices name and nobody described (`PUT /v1/legal-entities/{code}`): until then their
    business day is UTC's.
    """

    source: str
    last_received_at: datetime
    last_received_age_s: float
    counts: dict[str, int]
    repeated: int
    control_numbers: ControlNumbers | None
    waiting: tuple[ListedMessage, ...]
    rejected: tuple[ListedMessage, ...]
    failing: tuple[ListedMessage, ...]
    undescribed_entities: tuple[str, ...]


# One step of the index per entity, however many invoices each has.
_UNDESCRIBED = """
WITH RECURSIVE named(code) AS (
  SELECT min(legal_entity) FROM invoice_current WHERE tenant_id = $1 AND source = $2
  UNION ALL
  SELECT (SELECT min(i.legal_entity) FROM invoice_current i
          WHERE i.tenant_id = $1 AND i.source = $2 AND i.legal_entity > n.code)
  FROM named n WHERE n.code IS NOT NULL
)
SELECT code FROM named
WHERE code IS NOT NULL
  AND NOT EXISTS (SELECT FROM legal_entity_current e WHERE e.tenant_id = $1 AND e.code = named.code)
ORDER BY code LIMIT $3
"""


async def source_health(reads: TenantReads, tenant_id: str, source: str, now: datetime) -> SourceHealth | None:
    """None for a source that never sent anything."""
    async with reads.of(tenant_id) as connection:
        counted = await connection.fetch(
            "SELECT result, count(*) AS messages, sum(times - 1)::bigint AS repeated, max(last_received_at) AS last"
            " FROM erp.message WHERE tenant_id = $1 AND source = $2 GROUP BY result ORDER BY result",
            tenant_id,
            source,
        )
        if not counted:
            return None
        control = await connection.fetchrow(
            "SELECT highest, gaps, backward_jumps, last_backward_at FROM erp.control"
            " WHERE tenant_id = $1 AND source = $2",
            tenant_id,
            source,
        )
        listed = await connection.fetch(
            "(SELECT * FROM erp.message WHERE tenant_id = $1 AND source = $2 AND result = 'waiting'"
            " ORDER BY id LIMIT $3)"
            " UNION ALL (SELECT * FROM erp.message WHERE tenant_id = $1 AND source = $2 AND result = 'rejected'"
            " ORDER BY id DESC LIMIT $3)"
            " UNION ALL (SELECT * FROM erp.message WHERE tenant_id = $1 AND source = $2 AND result = 'received'"
            " AND failures > 0 ORDER BY id LIMIT $3)",
            tenant_id,
            source,
            LISTED,
        )
        undescribed = await connection.fetch(_UNDESCRIBED, tenant_id, source, LISTED)
    last = max(row["last"] for row in counted)
    return SourceHealth(
        source=source,
        last_received_at=last,
        last_received_age_s=round((now - last).total_seconds(), 3),
        counts={row["result"]: row["messages"] for row in counted},
        repeated=sum(row["repeated"] for row in counted),
        control_numbers=ControlNumbers(**dict(control)) if control else None,
        waiting=tuple(_listed(row) for row in listed if row["result"] == "waiting"),
        rejected=tuple(_listed(row) for row in listed if row["result"] == "rejected"),
        failing=tuple(_listed(row) for row in listed if row["result"] == "received"),
        undescribed_entities=tuple(row["code"] for row in undescribed),
    )


def _listed(row: asyncpg.Record) -> ListedMessage:
    return ListedMessage(
        kind=row["kind"],
        source_event_id=row["source_event_id"],
        received_at=row["received_at"],
        code=row["code"],
        reason=row["reason"],
        pointer=row["pointer"],
        waits_for=row["waits_for"],
    )
