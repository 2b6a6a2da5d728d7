"""`GET /v1/holds`: the amount of each invoice that must not be chased, and the disputes that hold it."""

from collections import Counter
from datetime import date

import asyncpg
import msgspec
from msgspec import Struct

from collections_service.open_items.document import InvoiceDocument
from collections_service.open_items.list import CUSTOMER_THEN
from collections_service.open_items.read import InvoiceHold
from redress.contracts.common import WireMoney, wire
from redress.money import Money
from redress.reading.keyset import Keyset, Page
from redress.reading.moment import Moment
from redress.reading.tenant_reads import TenantReads


class HeldInvoice(Struct, frozen=True, kw_only=True):
    """`collectable` is the rest of what is open: it may be chased."""

    invoice_id: str
    customer_id: str
    due_on: date
    open: WireMoney
    held: WireMoney
    collectable: WireMoney
    disputes: tuple[InvoiceHold, ...]


_document = msgspec.json.Decoder(InvoiceDocument)


async def holds(
    reads: TenantReads, tenant_id: str, moment: Moment, today: date, page: Keyset, *, customer_id: str | None
) -> Page[HeldInvoice]:
    """Held invoices by their number; right now is what a reminder must look at: the current state at the end of today's
    business day. `today` counts where no day is asked for."""
    arguments = (tenant_id, customer_id, page.after and str(page.after[0]), page.rows)
    async with reads.of(tenant_id) as connection:
        if moment.is_now:
            rows = await connection.fetch(_NOW, *arguments, today)
            return page.page(rows, lambda row: [row["invoice_id"]], _held_now)
        rows = await connection.fetch(_AT_A_MOMENT, *arguments, moment.as_of or today, moment.recorded_by)
    return page.page(rows, lambda row: [row["invoice_id"]], _held_then)


# What is held now and what a day to come releases are two questions, each with its index.
_NOW = """
WITH to_come AS MATERIALIZED (
  SELECT item, coalesce(sum(delta) FILTER (WHERE kind = 'open'), 0)::bigint AS open,
         coalesce(sum(delta) FILTER (WHERE kind = 'disputed'), 0)::bigint AS held,
         jsonb_agg(jsonb_build_array(dispute_id, delta)) FILTER (WHERE kind = 'disputed') AS holds
  FROM movement WHERE tenant_id = $1 AND effective_on > $5 AND kind <> 'unapplied' GROUP BY item
), held AS (
  (SELECT c.invoice_id, c.doc, l.open, l.holds FROM invoice_current c LEFT JOIN to_come l ON l.item = c.stream_id
   WHERE c.tenant_id = $1 AND c.held_minor > 0 AND ($2::text IS NULL OR c.customer_id = $2)
     AND ($3::text IS NULL OR c.invoice_id > $3) AND c.held_minor - coalesce(l.held, 0) > 0
   ORDER BY c.invoice_id LIMIT $4)
  UNION ALL
  (SELECT c.invoice_id, c.doc, l.open, l.holds FROM to_come l JOIN invoice_current c ON c.stream_id = l.item
   WHERE c.tenant_id = $1 AND c.held_minor = 0 AND ($2::text IS NULL OR c.customer_id = $2)
     AND ($3::text IS NULL OR c.invoice_id > $3) AND l.held < 0
   ORDER BY c.invoice_id LIMIT $4)
)
SELECT invoice_id, doc::text AS doc, coalesce(open, 0)::bigint AS open_to_come, holds::text AS holds_to_come
FROM held ORDER BY invoice_id LIMIT $4
"""
_AT_A_MOMENT = f"""
WITH held AS (
  SELECT item, dispute_id, sum(delta)::bigint AS held FROM movement
  WHERE tenant_id = $1 AND kind = 'disputed' AND effective_on <= $5 AND recorded_at <= $6
    AND ($2::text IS NULL OR customer_id = $2)
  GROUP BY item, dispute_id HAVING sum(delta) > 0
), items AS (
  SELECT item, sum(held)::bigint AS held, array_agg(dispute_id ORDER BY dispute_id) AS disputes,
         array_agg(held ORDER BY dispute_id) AS amounts
  FROM held GROUP BY item
)
SELECT i.*, t.invoice_id, {CUSTOMER_THEN.format(as_of="$5", recorded_by="$6")} AS customer_id, t.currency, t.due_on,
       (SELECT sum(delta)::bigint FROM movement m WHERE m.tenant_id = $1 AND m.item = i.item AND m.kind = 'open'
          AND m.effective_on <= $5 AND m.recorded_at <= $6) AS open
FROM items i JOIN LATERAL (
  SELECT * FROM invoice_terms t WHERE t.tenant_id = $1 AND t.item = i.item AND t.recorded_at <= $6
  ORDER BY seq DESC LIMIT 1
) t ON true
WHERE $3::text IS NULL OR t.invoice_id > $3 ORDER BY t.invoice_id LIMIT $4
"""


_to_come = msgspec.json.Decoder(list[tuple[str, int]])


def _held_now(row: asyncpg.Record) -> HeldInvoice:
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
        customer_id=invoice.customer_id,
        due_on=invoice.due_on,
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
