"""`GET /v1/invoices/{id}` and the list: what is owed on each invoice, now, as of a day, or as known at an instant."""

from collections.abc import Sequence
from datetime import date, datetime

import asyncpg
from msgspec import Struct

from collections_service.event_log.streams import INVOICE, invoice_stream
from collections_service.open_items.state import OpenItem, amount_on
from collections_service.queries.reading import KNOWN_TERMS, Moment, reading
from redress.contracts.common import WireMoney, wire
from redress.eventlog.aggregates import fold
from redress.eventlog.log import EventLog
from redress.money import Money


class InvoiceHold(Struct, frozen=True, kw_only=True):
    """`awaiting_credit` is the part of it that was granted: it stays held until the credit memo arrives."""

    dispute_id: str
    held: WireMoney
    awaiting_credit: WireMoney


class InvoiceLine(Struct, frozen=True, kw_only=True):
    line: str
    amount: WireMoney
    description: str | None
    quantity: str | None
    unit_price: str | None


class InvoicePayment(Struct, frozen=True, kw_only=True):
    payment_id: str
    applied_on: date
    amount: WireMoney
    returned: bool


class Invoice(Struct, frozen=True, kw_only=True):
    """`open` is neither paid nor credited, `disputed` the held part of it; `days_overdue` is below 1 if not due."""

    invoice_id: str
    customer_id: str
    legal_entity: str
    source: str
    issued_on: date
    due_on: date
    total: WireMoney
    open: WireMoney
    disputed: WireMoney
    undisputed: WireMoney
    status: str
    days_overdue: int
    holds: tuple[InvoiceHold, ...]
    lines: tuple[InvoiceLine, ...]
    payments: tuple[InvoicePayment, ...]
    tax: WireMoney | None
    po_number: str | None
    version: int
    as_of: date
    known_at: datetime


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


async def invoice(log: EventLog, tenant_id: str, invoice_id: str, moment: Moment) -> Invoice | None:
    """The invoice at the end of `as_of`, from what was recorded by `known_at`; None if it was not known by then."""
    stored = await log.read_stream(tenant_id, invoice_stream(tenant_id, invoice_id))
    known = [event for event in stored if event.recorded_at <= moment.recorded_by]
    item = fold(INVOICE, known)
    if item.terms is None:
        return None
    return _shown(item, moment, known[-1].version)


async def invoices(
    pool: asyncpg.Pool,
    tenant_id: str,
    moment: Moment | None,
    *,
    today: date,
    customer_id: str | None,
    is_open: bool | None,
    after: str | None,
    limit: int,
) -> Sequence[ListedInvoice]:
    """Invoices by their number, those after `after`. Without a moment: the current state, one's own writes included."""
    async with reading(pool, tenant_id) as connection:
        if moment is None:
            rows = await connection.fetch(
                "SELECT invoice_id, customer_id, legal_entity, currency, issued_on, due_on, open_minor AS open,"
                " held_minor AS disputed FROM invoice_current"
                " WHERE tenant_id = $1 AND ($2::text IS NULL OR customer_id = $2)"
                " AND ($3::text IS NULL OR invoice_id > $3)"
                " AND ($4::boolean IS NULL OR (open_minor > 0) = $4) ORDER BY invoice_id LIMIT $5",
                tenant_id,
                customer_id,
                after,
                is_open,
                limit,
            )
        else:
            rows = await connection.fetch(_AT_A_MOMENT, tenant_id, customer_id, after, is_open, limit, *_parts(moment))
    as_of = moment.as_of if moment is not None else today
    return [_listed(row, as_of) for row in rows]


_AT_A_MOMENT = f"""
SELECT t.invoice_id, t.customer_id, t.legal_entity, t.currency, t.issued_on, t.due_on,
       coalesce(m.open, 0)::bigint AS open, coalesce(m.disputed, 0)::bigint AS disputed
FROM invoice_terms t JOIN LATERAL (
  SELECT sum(delta) FILTER (WHERE kind = 'open') AS open, sum(delta) FILTER (WHERE kind = 'disputed') AS disputed
  FROM movement m WHERE m.tenant_id = $1 AND m.item = t.item AND m.effective_on <= $6 AND m.recorded_at <= $7
) m ON true
WHERE t.tenant_id = $1 AND {KNOWN_TERMS.format(recorded_by="$7")} AND t.issued_on <= $6
  AND ($2::text IS NULL OR t.customer_id = $2) AND ($3::text IS NULL OR t.invoice_id > $3)
  AND ($4::boolean IS NULL OR (coalesce(m.open, 0) > 0) = $4)
ORDER BY t.invoice_id LIMIT $5
"""


def _parts(moment: Moment) -> tuple[date, datetime]:
    return moment.as_of, moment.recorded_by


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
        status=_status(row["open"]),
        days_overdue=_days_overdue(row["open"], as_of, row["due_on"]),
    )


def _shown(item: OpenItem, moment: Moment, version: int) -> Invoice:
    if item.terms is None:
        raise ValueError("an invoice that is not registered cannot be shown")
    terms = item.terms
    currency = terms.total.currency

    def money(minor: int) -> WireMoney:
        return wire(Money(minor, currency))

    whole = amount_on(item.movements, moment.as_of)
    held = [(claim, amount_on(claim.held, moment.as_of)) for claim in item.claims]
    disputed = sum(minor for _, minor in held)
    return Invoice(
        invoice_id=terms.invoice_id,
        customer_id=terms.customer_id,
        legal_entity=terms.legal_entity,
        source=terms.source,
        issued_on=terms.issued_on,
        due_on=terms.due_on,
        total=wire(terms.total),
        open=money(whole),
        disputed=money(disputed),
        undisputed=money(whole - disputed),
        status=_status(whole),
        days_overdue=_days_overdue(whole, moment.as_of, terms.due_on),
        holds=tuple(
            InvoiceHold(
                dispute_id=claim.dispute_id,
                held=money(minor),
                awaiting_credit=money(min(claim.awaiting_credit, minor)),
            )
            for claim, minor in held
            if minor
        ),
        lines=tuple(
            InvoiceLine(
                line=line.line,
                amount=wire(line.amount),
                description=line.description,
                quantity=line.quantity,
                unit_price=line.unit_price,
            )
            for line in terms.lines
        ),
        payments=tuple(
            InvoicePayment(
                payment_id=each.payment_id,
                applied_on=each.applied_on,
                amount=money(each.minor),
                returned=each.returned,
            )
            for each in item.applications
        ),
        tax=wire(terms.tax) if terms.tax else None,
        po_number=terms.po_number,
        version=version,
        as_of=moment.as_of,
        known_at=moment.known_at,
    )


def _status(open_minor: int) -> str:
    return "open" if open_minor > 0 else "settled"


def _days_overdue(open_minor: int, as_of: date, due_on: date) -> int:
    """Nothing is overdue of a settled invoice."""
    return (as_of - due_on).days if open_minor > 0 else 0
