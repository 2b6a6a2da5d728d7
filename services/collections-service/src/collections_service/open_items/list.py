"""`GET /v1/invoices`: by number and legal entity, now, at the end of a business day, or as they were known."""

from datetime import date, datetime

import asyncpg
import msgspec
from msgspec import Struct

from collections_service.open_items.document import DueDate, due_date
from collections_service.open_items.overdue import days_overdue, status
from collections_service.open_items.read import MendedError
from redress.contracts.common import WireMoney, wire
from redress.ids import public_id
from redress.legal_entities.zones import entity_days
from redress.money import Money
from redress.reading.keyset import Keyset, Page
from redress.reading.moment import Moment
from redress.reading.tenant_reads import TenantReads
from redress.web.pages import CursorValue

KNOWN_TERMS = (
    "t.recorded_at <= {recorded_by} AND (t.superseded_at IS NULL OR t.superseded_at > {recorded_by})"
    " AND t.counts_from <= {day} AND (t.counts_until IS NULL OR t.counts_until > {day})"
)
"""Of the rows `t` of an invoice in `invoice_terms`, the one that was known at an instant about a business day."""

OWN_DAY = (
    "LEFT JOIN invoice_terms o ON o.tenant_id = $1 AND o.item = m.item AND o.superseded_at IS NULL"
    " AND o.counts_until IS NULL LEFT JOIN unnest({codes}::text[], {days}::date[]) AS e(code, day)"
    " ON e.code = o.legal_entity"
)
"""Of a movement `m`, the business day `e.day` of its invoice's legal entity where it is another one than usual. A
receipt has no entity."""


TO_COME = (
    "movement m " + OWN_DAY + " WHERE m.tenant_id = $1 AND m.kind <> 'unapplied'"
    " AND m.effective_on > coalesce(e.day, {day}::date)"
    " AND m.effective_on > (SELECT least({day}::date, min(earliest)) FROM unnest({days}::date[]) AS earliest)"
)
"""The movements that count from a day to come only: after today of their invoice's legal entity."""

CUSTOMER_THEN = (
    "coalesce((SELECT o.customer_id FROM invoice_customer o WHERE o.tenant_id = $1 AND o.item = t.item"
    " AND o.effective_on <= {as_of} AND o.recorded_at <= {recorded_by} ORDER BY o.seq DESC LIMIT 1), t.customer_id)"
)
"""Whose an invoice with the terms `t` was on a day, as it was known at an instant."""


class ListedInvoice(Struct, frozen=True, kw_only=True):
    """`corrected`: as of the single invoice."""

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
    corrected: MendedError | None


async def invoices(
    reads: TenantReads,
    tenant_id: str,
    moment: Moment,
    now: datetime,
    page: Keyset,
    *,
    customer_id: str | None,
    legal_entity: str | None,
    is_open: bool | None,
) -> Page[ListedInvoice]:
    """Right now: the current state, one's own writes included, at the end of today's business day, which is the day of
    each row's legal entity. What counts from a day to come only is taken out of it."""
    arguments = (tenant_id, customer_id, *invoice_place(page), is_open, page.rows, legal_entity)
    async with reads.of(tenant_id) as connection:
        days = await entity_days(connection, tenant_id, moment, now)
        asked = (*arguments, days.day, days.codes, days.days)
        if moment.is_now:
            rows = await connection.fetch(_NOW, *asked)
        else:
            rows = await connection.fetch(_AT_A_MOMENT, *asked, moment.recorded_by)
    return page.page(rows, invoice_key, lambda row: _listed(row, days.of(row["legal_entity"])))


def invoice_place(page: Keyset) -> tuple[str | None, str | None]:
    """Number and legal entity of the row before the page; None for the first page."""
    return (None, None) if page.after is None else (str(page.after[0]), str(page.after[1]))


def invoice_key(row: asyncpg.Record) -> list[CursorValue]:
    return [row["invoice_id"], row["legal_entity"]]


_NOW = f"""
WITH to_come AS MATERIALIZED (
  SELECT m.item, coalesce(sum(delta) FILTER (WHERE kind = 'open'), 0)::bigint AS open,
         coalesce(sum(delta) FILTER (WHERE kind = 'disputed'), 0)::bigint AS disputed
  FROM {TO_COME.format(day="$8", codes="$9", days="$10")} GROUP BY m.item
)
SELECT c.invoice_id, c.customer_id, c.legal_entity, c.currency, c.issued_on, c.due_on,
       c.open_minor - coalesce(l.open, 0) AS open, c.held_minor - coalesce(l.disputed, 0) AS disputed,
       NULL::uuid AS corrected_by, doc->'due_dates' AS due_dates
FROM invoice_current c LEFT JOIN to_come l ON l.item = c.stream_id
LEFT JOIN unnest($9::text[], $10::date[]) AS e(code, day) ON e.code = c.legal_entity
WHERE c.tenant_id = $1 AND ($2::text IS NULL OR c.customer_id = $2) AND ($7::text IS NULL OR c.legal_entity = $7)
  AND ($3::text IS NULL OR (c.invoice_id, c.legal_entity) > ($3, $4::text))
  AND c.issued_on <= coalesce(e.day, $8::date)
  AND ($5::boolean IS NULL OR (c.open_minor - coalesce(l.open, 0) > 0) = $5)
ORDER BY c.invoice_id, c.legal_entity LIMIT $6
"""
_AT_A_MOMENT = f"""
SELECT t.invoice_id, c.customer_id, t.legal_entity, t.currency, t.issued_on, t.due_on,
       NULL AS due_dates, CASE WHEN t.corrected_on > d.day THEN t.corrected_by END AS corrected_by, t.corrected_on,
       coalesce(m.open, 0)::bigint AS open, coalesce(m.disputed, 0)::bigint AS disputed
FROM invoice_terms t
LEFT JOIN unnest($9::text[], $10::date[]) AS e(code, day) ON e.code = t.legal_entity
CROSS JOIN LATERAL (SELECT coalesce(e.day, $8::date) AS day) d
CROSS JOIN LATERAL (SELECT {CUSTOMER_THEN.format(as_of="d.day", recorded_by="$11")} AS customer_id) c
JOIN LATERAL (
  SELECT sum(delta) FILTER (WHERE kind = 'open') AS open, sum(delta) FILTER (WHERE kind = 'disputed') AS disputed
  FROM movement m WHERE m.tenant_id = $1 AND m.item = t.item AND m.effective_on <= d.day AND m.recorded_at <= $11
) m ON true
WHERE t.tenant_id = $1 AND {KNOWN_TERMS.format(recorded_by="$11", day="d.day")} AND t.issued_on <= d.day
  AND ($2::text IS NULL OR c.customer_id = $2) AND ($7::text IS NULL OR t.legal_entity = $7)
  AND ($3::text IS NULL OR (t.invoice_id, t.legal_entity) > ($3, $4::text))
  AND ($5::boolean IS NULL OR (coalesce(m.open, 0) > 0) = $5)
ORDER BY t.invoice_id, t.legal_entity LIMIT $6
"""


_due_dates = msgspec.json.Decoder(tuple[DueDate, ...])


def _listed(row: asyncpg.Record, as_of: date) -> ListedInvoice:
    currency = row["currency"]
    due_on = due_date(row["due_on"], _due_dates.decode(row["due_dates"] or "[]"), as_of)
    return ListedInvoice(
        invoice_id=row["invoice_id"],
        customer_id=row["customer_id"],
        legal_entity=row["legal_entity"],
        issued_on=row["issued_on"],
        due_on=due_on,
        open=wire(Money(row["open"], currency)),
        disputed=wire(Money(row["disputed"], currency)),
        undisputed=wire(Money(row["open"] - row["disputed"], currency)),
        status=status(row["open"]),
        days_overdue=days_overdue(row["open"], as_of, due_on),
        corrected=None
        if row["corrected_by"] is None
        else MendedError(event_id=public_id("evt", row["corrected_by"]), corrected_on=row["corrected_on"]),
    )
