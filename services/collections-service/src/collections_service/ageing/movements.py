"""The books by day: every change of an open, disputed or unapplied amount, with the day it counts from and the instant
it was recorded. Ageing and positions are sums over them, as of any day and as known at any instant.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import assert_never
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

from collections_service.ageing.customers import customers_of, move, shared_out
from collections_service.open_items import events as invoice_events
from collections_service.open_items.events import InvoiceCorrected, OpenItemEvent, Step
from collections_service.open_items.state import CustomerFrom
from collections_service.open_items.stream import INVOICE
from collections_service.receipts.events import (
    Allocation,
    CreditMemoCancelled,
    CreditMemoPosted,
    PayerIdentified,
    PaymentReceived,
    ReceiptApplied,
    ReceiptEvent,
    ReceiptRefunded,
    ReceiptReversed,
    ReceiptUnapplied,
)
from collections_service.receipts.stream import RECEIPT
from redress.eventlog.connections import Connection
from redress.eventlog.events import RecordedEvent


class Movement(Struct, frozen=True, kw_only=True):
    """`delta` in minor units. Customer and currency are None where the invoice's terms, stored before, say them."""

    kind: str
    effective_on: date
    delta: int
    dispute_id: str | None = None
    customer_id: str | None = None
    currency: str | None = None


class KnownTerms(Struct, frozen=True, kw_only=True):
    """The terms of a new invoice."""

    invoice_id: str
    customer_id: str
    legal_entity: str
    currency: str
    issued_on: date
    due_on: date


class CorrectedTerms(Struct, frozen=True, kw_only=True):
    """The days from `counts_from` on get another due date. None: it stays what it was on each of them. `corrected_on`
    is the day of a correction that mends an error from the start, None of another one."""

    counts_from: date
    due_on: date | None
    corrected_on: date | None = None


class LedgerChange(Struct, frozen=True):
    terms: KnownTerms | CorrectedTerms | None
    movements: tuple[Movement, ...]
    moved: invoice_events.InvoiceCustomerChanged | None = None


class Movements:
    """The projection `movements` with the tables `movement`, `invoice_terms` and `invoice_customer`."""

    name = "movements"
    tables = ("movement", "invoice_terms", "invoice_customer")

    async def apply(self, connection: Connection, events: Sequence[RecordedEvent]) -> None:
        projected = [(event, project(event)) for event in events]
        start = 0
        for place, (event, change) in enumerate(projected):
            if change.moved is not None:  # it moves what stands by then
                await _insert(connection, projected[start:place])
                to = CustomerFrom(change.moved.effective_on, change.moved.customer_id)
                await move(connection, event, change.moved.previous_customer_id, to)
                start = place + 1
        await _insert(connection, projected[start:])


async def _insert(connection: Connection, projected: Sequence[tuple[RecordedEvent, LedgerChange]]) -> None:
    await _insert_terms(connection, [(event, p.terms) for event, p in projected if isinstance(p.terms, KnownTerms)])
    for event, p in projected:
        if isinstance(p.terms, CorrectedTerms):
            await _correct_terms(connection, event, p.terms)
    items = [(event.tenant_id, event.stream_id) for event, p in projected if p.movements]
    customers = await customers_of(connection, items) if items else {}
    rows = [
        (event, n, m)
        for event, p in projected
        for n, m in enumerate(_by_customer(p.movements, customers.get((event.tenant_id, event.stream_id))))
    ]
    await _insert_movements(connection, rows)


def _by_customer(movements: Iterable[Movement], customers: Sequence[CustomerFrom] | None) -> Iterable[Movement]:
    if customers is None:
        return movements
    return [
        replace(movement, customer_id=customer_id, effective_on=on, delta=delta)
        for movement in movements
        for customer_id, on, delta in shared_out(movement.effective_on, movement.delta, customers)
    ]


def project(event: RecordedEvent) -> LedgerChange:
    """The movements of a stored event. Pure."""
    if event.stream_type == INVOICE.stream_type:
        return _of_invoice(INVOICE.codec.decode(event.type, event.schema_version, event.payload))
    if event.stream_type == RECEIPT.stream_type:
        return LedgerChange(None, _of_receipt(RECEIPT.codec.decode(event.type, event.schema_version, event.payload)))
    return LedgerChange(None, ())


def _of_invoice(event: OpenItemEvent) -> LedgerChange:  # noqa: PLR0911 - one return per kind of event
    match event:
        case invoice_events.InvoiceRegistered():
            terms = KnownTerms(
                invoice_id=event.invoice_id,
                customer_id=event.customer_id,
                legal_entity=event.legal_entity,
                currency=event.total.currency,
                issued_on=event.issued_on,
                due_on=event.due_on,
            )
            return LedgerChange(terms, _open(event.issued_on, event.total.minor))
        case InvoiceCorrected():
            return LedgerChange(_corrected(event), _of_correction(event))
        case invoice_events.InvoiceCustomerChanged():
            return LedgerChange(None, (), event)
        case invoice_events.PaymentApplied(applied_on=on, amount=amount):
            return LedgerChange(None, _open(on, -amount.minor))
        case (
            invoice_events.CreditMemoApplied(applied_on=on, amount=amount)
            | invoice_events.WriteOffPosted(applied_on=on, amount=amount)
        ):
            return LedgerChange(None, _open(on, -amount.minor))
        case invoice_events.DiscountGranted(applied_on=on, amount=amount):
            return LedgerChange(None, _open(on, -amount.minor))
        case (
            invoice_events.PaymentReversed(effective_on=on, amount=amount)
            | invoice_events.PaymentUnapplied(effective_on=on, amount=amount)
            | invoice_events.DiscountWithdrawn(effective_on=on, amount=amount)
            | invoice_events.CreditMemoReversed(effective_on=on, amount=amount)
            | invoice_events.CreditMemoUnapplied(effective_on=on, amount=amount)
            | invoice_events.WriteOffReversed(effective_on=on, amount=amount)
        ):
            return LedgerChange(None, _open(on, amount.minor))
        case invoice_events.InvoiceCancelled(effective_on=on, change=change):
            return LedgerChange(None, _open(on, change))
        case (
            invoice_events.HoldPlaced(dispute_id=dispute_id, steps=steps)
            | invoice_events.HoldReduced(dispute_id=dispute_id, steps=steps)
            | invoice_events.HoldReleased(dispute_id=dispute_id, steps=steps)
            | invoice_events.PastHoldRecorded(dispute_id=dispute_id, steps=steps)
        ):
            held = [
                Movement(kind="disputed", effective_on=step.on, delta=step.minor, dispute_id=dispute_id)
                for step in steps
            ]
            return LedgerChange(None, tuple(held))
        case (
            invoice_events.ShortPaymentDetected()
            | invoice_events.RemainderLeft()
            | invoice_events.RemainderTolerated()
            | invoice_events.DisputeReported()
            | invoice_events.CreditAwaited()
            | invoice_events.RecoveryTaskOpened()
            | invoice_events.RecoveryTaskResized()
            | invoice_events.RecoveryTaskAssigned()
            | invoice_events.RecoveryTaskDone()
            | invoice_events.RecoveryTaskClosed()
            | invoice_events.CollectionHandedOver()
            | invoice_events.CollectionTakenBack()
            | invoice_events.NumberShared()
        ):
            return LedgerChange(None, ())
        case _:
            assert_never(event)


def _corrected(event: InvoiceCorrected) -> CorrectedTerms | None:
    if event.due_from is None and not event.from_start:
        return None
    return CorrectedTerms(
        counts_from=event.due_from or event.effective_on,
        due_on=None if event.due_from is None else event.due_on,
        corrected_on=event.corrected_on if event.from_start else None,
    )


def _of_correction(event: InvoiceCorrected) -> tuple[Movement, ...]:
    if not event.steps:
        return _open(event.effective_on, event.change)
    return tuple(Movement(kind="open", effective_on=step.on, delta=step.minor) for step in event.steps)


def _of_receipt(event: ReceiptEvent) -> tuple[Movement, ...]:
    if isinstance(event, PayerIdentified):
        return _of_payer(event)
    match event:
        case PaymentReceived(amount=amount, received_on=on):
            steps = [Step(on, amount.minor), *_taken(event.allocations)]
        case CreditMemoPosted(total=amount, issued_on=on):
            steps = [Step(on, amount.minor), *_taken(event.allocations)]
        case ReceiptApplied(applied=amount):
            steps = _taken(event.allocations)
        case ReceiptUnapplied(unapplied=amount):
            steps = [Step(each.effective_on, each.amount.minor) for each in event.back]
        case (
            ReceiptReversed(unapplied_returned=amount, effective_on=on)
            | CreditMemoCancelled(unapplied_returned=amount, effective_on=on)
            | ReceiptRefunded(amount=amount, effective_on=on)
        ):
            steps = [Step(on, -amount.minor)]
        case _:
            assert_never(event)
    return tuple(
        Movement(
            kind="unapplied",
            effective_on=day,
            delta=delta,
            customer_id=event.customer_id,
            currency=amount.currency,
        )
        for day, delta in _by_day(steps)
    )


def _of_payer(event: PayerIdentified) -> tuple[Movement, ...]:
    """What was nobody's is the customer's, from the days on which it came."""
    return tuple(
        Movement(kind="unapplied", effective_on=step.on, delta=delta, customer_id=customer, currency=event.currency)
        for step in event.cash
        for customer, delta in (("", -step.minor), (event.customer_id, step.minor))
    )


def _taken(allocations: Iterable[Allocation]) -> list[Step]:
    return [Step(a.applied_on, -a.applied.minor) for a in allocations if a.applied_on is not None]


def _by_day(steps: Iterable[Step]) -> list[tuple[date, int]]:
    deltas: dict[date, int] = defaultdict(int)
    for step in steps:
        deltas[step.on] += step.minor
    return [(day, delta) for day, delta in sorted(deltas.items()) if delta]


def _open(on: date, delta: int) -> tuple[Movement, ...]:
    return (Movement(kind="open", effective_on=on, delta=delta),) if delta else ()


async def _insert_terms(connection: Connection, new: Sequence[tuple[RecordedEvent, KnownTerms]]) -> None:
    if not new:
        return
    await connection.execute(
        "INSERT INTO invoice_terms (tenant_id, item, seq, invoice_id, customer_id, legal_entity, currency,"
        " issued_on, due_on, recorded_at)"
        " SELECT * FROM unnest($1::text[], $2::uuid[], $3::bigint[], $4::text[], $5::text[], $6::text[],"
        " $7::text[], $8::date[], $9::date[], $10::timestamptz[])",
        [event.tenant_id for event, _ in new],
        [event.stream_id for event, _ in new],
        [event.seq for event, _ in new],
        [terms.invoice_id for _, terms in new],
        [terms.customer_id for _, terms in new],
        [terms.legal_entity for _, terms in new],
        [terms.currency for _, terms in new],
        [terms.issued_on for _, terms in new],
        [terms.due_on for _, terms in new],
        [event.recorded_at for event, _ in new],
    )


# Of the rows that are known now, those that reach into the days from $5 on are known no longer; what they said of the
# days before is said again, and what they said of the days from then on with what is corrected.
_CORRECT = """
WITH known AS (
  UPDATE invoice_terms SET superseded_at = $4::timestamptz
  WHERE tenant_id = $1 AND item = $2 AND superseded_at IS NULL AND (counts_until IS NULL OR counts_until > $5::date)
  RETURNING *
)
INSERT INTO invoice_terms (tenant_id, item, seq, invoice_id, customer_id, legal_entity, currency, issued_on, due_on,
                           recorded_at, counts_from, counts_until, corrected_by, corrected_on)
SELECT tenant_id, item, $3::bigint, invoice_id, customer_id, legal_entity, currency, issued_on, due_on,
       $4::timestamptz, counts_from, $5::date, corrected_by, corrected_on
FROM known WHERE counts_from < $5
UNION ALL
SELECT tenant_id, item, $3::bigint, invoice_id, customer_id, legal_entity, currency, issued_on,
       coalesce($6::date, due_on), $4::timestamptz, greatest(counts_from, $5::date), counts_until,
       coalesce($7::uuid, corrected_by), coalesce($8::date, corrected_on)
FROM known
"""


async def _correct_terms(connection: Connection, event: RecordedEvent, terms: CorrectedTerms) -> None:
    """One after the other: the rows of the second correction begin with those of the first."""
    from_start = terms.corrected_on is not None
    await connection.execute(
        _CORRECT,
        event.tenant_id,
        event.stream_id,
        event.seq,
        event.recorded_at,
        terms.counts_from,
        terms.due_on,
        event.event_id if from_start else None,
        terms.corrected_on,
    )


async def _insert_movements(connection: Connection, rows: Sequence[tuple[RecordedEvent, int, Movement]]) -> None:
    if not rows:
        return
    tenants: list[str] = [event.tenant_id for event, _, _ in rows]
    items: list[UUID] = [event.stream_id for event, _, _ in rows]
    recorded: list[datetime] = [event.recorded_at for event, _, _ in rows]
    await connection.execute(
        "INSERT INTO movement (tenant_id, seq, ordinal, item, kind, dispute_id, customer_id, currency, delta,"
        " effective_on, recorded_at)"
        " SELECT n.tenant_id, n.seq, n.ordinal, n.item, n.kind, n.dispute_id, coalesce(n.customer_id, t.customer_id),"
        "  coalesce(n.currency, t.currency), n.delta, n.effective_on, n.recorded_at"
        " FROM unnest($1::text[], $2::bigint[], $3::int[], $4::uuid[], $5::text[], $6::text[], $7::text[], $8::text[],"
        "  $9::bigint[], $10::date[], $11::timestamptz[])"
        "  AS n(tenant_id, seq, ordinal, item, kind, dispute_id, customer_id, currency, delta, effective_on,"
        "   recorded_at)"
        " LEFT JOIN LATERAL (SELECT t.customer_id, t.currency FROM invoice_terms t"
        "  WHERE t.tenant_id = n.tenant_id AND t.item = n.item ORDER BY t.seq LIMIT 1) t ON true",
        tenants,
        [event.seq for event, _, _ in rows],
        [ordinal for _, ordinal, _ in rows],
        items,
        [m.kind for _, _, m in rows],
        [m.dispute_id for _, _, m in rows],
        [m.customer_id for _, _, m in rows],
        [m.currency for _, _, m in rows],
        [m.delta for _, _, m in rows],
        [m.effective_on for _, _, m in rows],
        recorded,
    )
