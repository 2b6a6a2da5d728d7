"""`GET /v1/invoices`: by number and legal entity, now, at the end of a business day, or as they were known."""

from datetime import date, datetime

import asyncpg
from msgspec import Struct

from collections_service.open_items.overdue import days_overdue, status
from redress.contracts.common import WireMoney, wire
from redress.money import Money
from redress.reading.keyset import Keyset, Page
from redress.reading.moment import Moment
from redress.reading.tenant_reads import TenantReads
from redress.web.pages import CursorValue

KNOWN_TERMS = "t.recorded_at <= {recorded_by} AND (t.superseded_at IS NULL OR t.superseded_at > {recorded_by})"
"""Of the rows `t` of an invoice in `invoice_terms`, the one that was known at an instant."""


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
    legal_entity: str | None,
    is_open: bool | None,
) -> Page[ListedInvoice]:
    """Right now: the current state, one's own writes included."""
    as_of = moment.day(now)
    arguments = (tenant_id, customer_id, *invoice_place(page), is_open, page.rows, legal_entity)
    async with reads.of(tenant_id) as connection:
        if moment.is_now:
            rows = await connection.fetch(_NOW, *arguments)
        else:
            rows = await connection.fetch(_AT_A_MOMENT, *arguments, as_of, moment.recorded_by)
    return page.page(rows, invoice_key, lambda row: _listed(row, as_of))


def invoice_place(page: Keyset) -> tuple[str | None, str | None]:
    """Number and legal entity of the row before the page; None for the first page."""
    return (None, None) if page.after is None else (str(page.after[0]), str(page.after[1]))


def invoice_key(row: asyncpg.Record) -> list[CursorValue]:
    return [row["invoice_id"], row["legal_entity"]]


_NOW = """
SELECT invoice_id, customer_id, legal_entity, currency, issued_on, due_on, open_minor AS open, held_minor AS disputed
FROM invoice_current
WHERE tenant_id = $1 AND ($2::text IS NULL OR customer_id = $2) AND ($7::text IS NULL OR legal_entity = $7)
  AND ($3::text IS NULL OR (invoice_id, legal_entity) > ($3, $4::text))
  AND ($5::boolean IS NULL OR (open_minor > 0) = $5)
ORDER BY invoice_id, legal_entity LIMIT $6
"""
_AT_A_MOMENT = f"""
SELECT t.invoice_id, t.customer_id, t.legal_entity, t.currency, t.issued_on, t.due_on,
       coalesce(m.open, 0)::bigint AS open, coalesce(m.disputed, 0)::bigint AS disputed
FROM invoice_terms t JOIN LATERAL (
  SELECT sum(delta) FILTER (WHERE kind = 'open') AS open, sum(delta) FILTER (WHERE kind = 'disputed') AS disputed
  FROM movement m WHERE m.tenant_id = $1 AND m.item = t.item AND m.effective_on <= $8 AND m.recorded_at <= $9
) m ON true
WHERE t.tenant_id = $1 AND {KNOWN_TERMS.format(recorded_by="$9")} AND t.issued_on <= $8
  AND ($2::text IS NULL OR t.customer_id = $2) AND ($7::text IS NULL OR t.legal_entity = $7)
  AND ($3::text IS NULL OR (t.invoice_id, t.legal_entity) > ($3, $4::text))
  AND ($5::boolean IS NULL OR (coalesce(m.open, 0) > 0) = $5)
ORDER BY t.invoice_id, t.legal_entity LIMIT $6
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
