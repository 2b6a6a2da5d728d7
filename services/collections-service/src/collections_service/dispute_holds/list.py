"""`GET /v1/holds`: the amount of each invoice that must not be chased, and the disputes that hold it."""

from collections import Counter
from datetime import date, datetime

import asyncpg
import msgspec
from msgspec import Struct

from collections_service.open_items.document import InvoiceDocument, due_date
from collections_service.open_items.list import (
    CUSTOMER_THEN,
    KNOWN_TERMS,
    OWN_DAY,
    TO_COME,
    invoice_key,
    invoice_place,
)
from collections_service.open_items.read import InvoiceHold
from redress.contracts.common import WireMoney, wire
from redress.legal_entities.zones import EntityDays, entity_days
from redress.money import Money
from redress.reading.keyset import Keyset, Page
from redress.reading.moment import Moment
from redress.reading.tenant_reads import TenantReads


class HeldInvoice(Struct, frozen=True, kw_only=True):
    """`collectable` is the rest of what is open: it may be chased."""

    invoice_id: str
    legal_entity: str
    customer_id: str
    due_on: date
    open: WireMoney
    held: WireMoney
    collectable: WireMoney
    disputes: tuple[InvoiceHold, ...]


_document = msgspec.json.Decoder(InvoiceDocument)


async def holds(
    reads: TenantReads,
    tenant_id: str,
    moment: Moment,
    now: datetime,
    page: Keyset,
    *,
    customer_id: str | None,
    legal_entity: str | None,
) -> Page[HeldInvoice]:
    """Held invoices by number and legal entity; right now is what a reminder must look at: the current state at the
    end of today's business day. Where no day is asked for, today of each invoice's legal entity counts."""
    arguments = (tenant_id, customer_id, *invoice_place(page), page.rows, legal_entity)
    async with reads.of(tenant_id) as connection:
        days = await entity_days(connection, tenant_id, moment, now)
        asked = (*arguments, days.day, days.codes, days.days)
        if moment.is_now:
            rows = await connection.fetch(_NOW, *asked)
            return page.page(rows, invoice_key, lambda row: _held_now(row, days))
        rows = await connection.fetch(_AT_A_MOMENT, *asked, moment.recorded_by)
    return page.page(rows, invoice_key, _held_then)


_ASKED = (
    "($2::text IS NULL OR c.customer_id = $2) AND ($6::text IS NULL OR c.legal_entity = $6)"
    " AND ($3::text IS NULL OR (c.invoice_id, c.legal_entity) > ($3, $4::text))"
)
# What is held now and what a day to come releases are two questions, each with its index.
_NOW = f"""
WITH to_come AS MATERIALIZED (
  SELECT m.item, coalesce(sum(delta) FILTER (WHERE kind = 'open'), 0)::bigint AS open,
         coalesce(sum(delta) FILTER (WHERE kind = 'disputed'), 0)::bigint AS held,
         jsonb_agg(jsonb_build_array(dispute_id, delta)) FILTER (WHERE kind = 'disputed') AS holds
  FROM {TO_COME.format(day="$7", codes="$8", days="$9")} GROUP BY m.item
), held AS (
  (SELECT c.invoice_id, c.legal_entity, c.doc, l.open, l.holds
   FROM invoice_current c LEFT JOIN to_come l ON l.item = c.stream_id
   WHERE c.tenant_id = $1 AND c.held_minor > 0 AND {_ASKED} AND c.held_minor - coalesce(l.held, 0) > 0
   ORDER BY c.invoice_id, c.legal_entity LIMIT $5)
  UNION ALL
  (SELECT c.invoice_id, c.legal_entity, c.doc, l.open, l.holds
   FROM to_come l JOIN invoice_current c ON c.stream_id = l.item
   WHERE c.tenant_id = $1 AND c.held_minor = 0 AND {_ASKED} AND l.held < 0
   ORDER BY c.invoice_id, c.legal_entity LIMIT $5)
)
SELECT invoice_id, legal_entity, doc::text AS doc, coalesce(open, 0)::bigint AS open_to_come,
       holds::text AS holds_to_come
FROM held ORDER BY invoice_id, legal_entity LIMIT $5
"""
_AT_A_MOMENT = f"""
WITH held AS (
  SELECT m.item, dispute_id, coalesce(e.day, $7::date) AS day, sum(delta)::bigint AS held
  FROM movement m {OWN_DAY.format(codes="$8", days="$9")}
  WHERE m.tenant_id = $1 AND kind = 'disputed' AND effective_on <= coalesce(e.day, $7::date) AND m.recorded_at <= $10
    AND ($2::text IS NULL OR m.customer_id = $2)
  GROUP BY 1, 2, 3 HAVING sum(delta) > 0
), items AS (
  SELECT item, day, sum(held)::bigint AS held, array_agg(dispute_id ORDER BY dispute_id) AS disputes,
         array_agg(held ORDER BY dispute_id) AS amounts
  FROM held GROUP BY item, day
)
SELECT i.item, i.held, i.disputes, i.amounts, t.invoice_id, t.legal_entity,
       {CUSTOMER_THEN.format(as_of="i.day", recorded_by="$10")} AS customer_id, t.currency, t.due_on,
       (SELECT sum(delta)::bigint FROM movement m WHERE m.tenant_id = $1 AND m.item = i.item AND m.kind = 'open'
          AND m.effective_on <= i.day AND m.recorded_at <= $10) AS open
FROM items i JOIN LATERAL (
  SELECT * FROM invoice_terms t WHERE t.tenant_id = $1 AND t.item = i.item
    AND {KNOWN_TERMS.format(recorded_by="$10", day="i.day")}
) t ON true
WHERE ($6::text IS NULL OR t.legal_entity = $6)
  AND ($3::text IS NULL OR (t.invoice_id, t.legal_entity) > ($3, $4::text))
ORDER BY t.invoice_id, t.legal_entity LIMIT $5
"""


_to_come = msgspec.json.Decoder(list[tuple[str, int]])


def _held_now(row: asyncpg.Record, days: EntityDays) -> HeldInvoice:
    """The document says what is held in the end; what counts from a day to come only is taken out of it."""
    invoice = _document.decode(row["doc"])
    held = Counter({hold.dispute_id: hold.held for hold in invoice.holds})
    for dispute_id, delta in _to_come.decode(row["holds_to_come"]) if row["holds_to_come"] else ():
        held[dispute_id] -= delta
    awaiting = {hold.dispute_id: hold.awaiting_credit for hold in invoice.holds}
    is_open, whole = invoice.open - row["open_to_come"], sum(held.values())

    def money(minor: int) -> WireMoney:
        return wire(Money(minor, invoice.currency))

    return HeldInvoice(
        invoice_id=invoice.invoice_id,
        legal_entity=invoice.legal_entity,
        customer_id=invoice.customer_id,
        due_on=due_date(invoice.due_on, invoice.due_dates, days.of(invoice.legal_entity)),
        open=money(is_open),
        held=money(whole),
        collectable=money(is_open - whole),
        disputes=tuple(
            InvoiceHold(
                dispute_id=dispute_id,
                held=money(minor),
                awaiting_credit=money(min(minor, awaiting.get(dispute_id, 0))),
            )
            for dispute_id, minor in held.items()
            if minor
        ),
    )


def _held_then(row: asyncpg.Record) -> HeldInvoice:
    """The part of a hold that waited for a credit memo is not kept by day; it is shown as nothing."""

    def money(minor: int) -> WireMoney:
        return wire(Money(minor, row["currency"]))

    return HeldInvoice(
        invoice_id=row["invoice_id"],
        legal_entity=row["legal_entity"],
        customer_id=row["customer_id"],
        due_on=row["due_on"],
        open=money(row["open"]),
        held=money(row["held"]),
        collectable=money(row["open"] - row["held"]),
        disputes=tuple(
            InvoiceHold(dispute_id=dispute_id, held=money(minor), awaiting_credit=money(0))
            for dispute_id, minor in zip(row["disputes"], row["amounts"], strict=True)
        ),
    )
