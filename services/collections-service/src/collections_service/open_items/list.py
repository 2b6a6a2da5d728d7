"""`GET /v1/invoices`: by their number, now, at the end of a business day, or as they were known."""

from datetime import date, datetime

import asyncpg
from msgspec import Struct

from collections_service.open_items.overdue import days_overdue, status
from redress.contracts.common import WireMoney, wire
from redress.money import Money
from redress.reading.keyset import Keyset, Page
from redress.reading.moment import Moment
from redress.reading.tenant_reads import TenantReads

KNOWN_TERMS = "t.recorded_at <= {recorded_by} AND (t.superseded_at IS NULL OR t.superseded_at > {recorded_by})"
"""Of the rows `t` of an invoice in `invoice_terms`, the one that was known at an instant."""


CUSTOMER_THEN = (
    "coalesce((SELECT o.customer_id FROM invoice_customer o WHERE o.tenant_id = $1 AND o.item = t.item"
    " AND o.effective_on <= {as_of} AND o.recorded_at <= {recorded_by} ORDER BY o.seq DESC LIMIT 1), t.customer_id)"
)
"""Whose an invoice with the terms `t` was on a day, as it was known at an instant."""


class ListedInvoice(Struct, frozen=True, kw_only=True):
    invoice_id: str
    customer_id: str
    legal_entity: str
    issued_on: date
    due_on: date
    open: WireMoney
    disputed: WireMoney
    undisputed: WireMoney
    status: str
    days_overdue: int


async def invoices(
    reads: TenantReads,
    tenant_id: str,
    moment: Moment,
    now: datetime,
    page: Keyset,
    *,
    customer_id: str | None,
    is_open: bool | None,
) -> Page[ListedInvoice]:
    """Right now: the current state, one's own writes included, at the end of today's business day. What counts from a
    day to come only is taken out of it."""
    as_of = moment.day(now)
    arguments = (tenant_id, customer_id, page.after and str(page.after[0]), is_open, page.rows)
    async with reads.of(tenant_id) as connection:
        if moment.is_now:
            rows = await connection.fetch(_NOW, *arguments, as_of)
        else:
            rows = await connection.fetch(_AT_A_MOMENT, *arguments, as_of, moment.recorded_by)
    return page.page(rows, lambda row: [row["invoice_id"]], lambda row: _listed(row, as_of))


_NOW = """
WITH to_come AS MATERIALIZED (
  SELECT item, coalesce(sum(delta) FILTER (WHERE kind = 'open'), 0)::bigint AS open,
         coalesce(sum(delta) FILTER (WHERE kind = 'disputed'), 0)::bigint AS disputed
  FROM movement WHERE tenant_id = $1 AND effective_on > $6 AND kind <> 'unapplied' GROUP BY item
)
SELECT c.invoice_id, c.customer_id, c.legal_entity, c.currency, c.issued_on, c.due_on,
       c.open_minor - coalesce(l.open, 0) AS open, c.held_minor - coalesce(l.disputed, 0) AS disputed
FROM invoice_current c LEFT JOIN to_come l ON l.item = c.stream_id
WHERE c.tenant_id = $1 AND ($2::text IS NULL OR c.customer_id = $2) AND ($3::text IS NULL OR c.invoice_id > $3)
  AND c.issued_on <= $6 AND ($4::boolean IS NULL OR (c.open_minor - coalesce(l.open, 0) > 0) = $4)
ORDER BY c.invoice_id LIMIT $5
"""
_AT_A_MOMENT = f"""
SELECT t.invoice_id, c.customer_id, t.legal_entity, t.currency, t.issued_on, t.due_on,
       coalesce(m.open, 0)::bigint AS open, coalesce(m.disputed, 0)::bigint AS disputed
FROM invoice_terms t
CROSS JOIN LATERAL (SELECT {CUSTOMER_THEN.format(as_of="$6", recorded_by="$7")} AS customer_id) c
JOIN LATERAL (
  SELECT sum(delta) FILTER (WHERE kind = 'open') AS open, sum(delta) FILTER (WHERE kind = 'disputed') AS disputed
  FROM movement m WHERE m.tenant_id = $1 AND m.item = t.item AND m.effective_on <= $6 AND m.recorded_at <= $7
) m ON true
WHERE t.tenant_id = $1 AND {KNOWN_TERMS.format(recorded_by="$7")} AND t.issued_on <= $6
  AND ($2::text IS NULL OR c.customer_id = $2) AND ($3::text IS NULL OR t.invoice_id > $3)
  AND ($4::boolean IS NULL OR (coalesce(m.open, 0) > 0) = $4)
ORDER BY t.invoice_id LIMIT $5
"""


def _listed(row: asyncpg.Record, as_of: date) -> ListedInvoice:
    currency = row["currency"]
    return ListedInvoice(
        invoice_id=row["invoice_id"],
        customer_id=row["customer_id"],
        legal_entity=row["legal_entity"],
        issued_on=row["issued_on"],
        due_on=row["due_on"],
        open=wire(Money(row["open"], currency)),
        disputed=wire(Money(row["disputed"], currency)),
        undisputed=wire(Money(row["open"] - row["disputed"], currency)),
        status=status(row["open"]),
        days_overdue=days_overdue(row["open"], as_of, row["due_on"]),
    )
