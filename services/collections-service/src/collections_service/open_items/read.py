"""`GET /v1/invoices/{id}`: the amounts owed on an invoice, now, at the end of a business day, or as it was known."""

from collections.abc import Sequence
from datetime import date, datetime
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

from collections_service.open_items.discounts import last_day
from collections_service.open_items.events import (
    InvoiceCorrected,
    RemainderLeft,
    RemainderTolerated,
    ShortPaymentDetected,
)
from collections_service.open_items.identity import own_entity
from collections_service.open_items.overdue import NOT_ISSUED, days_overdue, status
from collections_service.open_items.state import OpenItem, amount_on
from collections_service.open_items.stream import INVOICE, invoice_stream
from redress.contracts.common import WireMoney, wire
from redress.decider import fold
from redress.eventlog.events import RecordedEvent
from redress.eventlog.log import EventLog
from redress.ids import public_id
from redress.legal_entities.zones import zone_of_entity
from redress.money import Money
from redress.reading.moment import Moment


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
    """`amount` was applied; `gone` of it came back or was unapplied. `returned`: all of it. `under_protest`: the payer
    disputes it still."""

    payment_id: str
    applied_on: date
    amount: WireMoney
    gone: WireMoney
    returned: bool
    under_protest: bool


class InvoiceWriteOff(Struct, frozen=True, kw_only=True):
    """`kind` is small_difference or bad_debt; `gone` of it was taken back."""

    write_off_id: str
    posted_on: date
    amount: WireMoney
    kind: str
    gone: WireMoney


class CollectedBy(Struct, frozen=True, kw_only=True):
    """Who collects the invoice in our place: `to` is agency or lawyer. It is not to be dunned here."""

    to: str
    handed_on: date
    reference: str | None


class InvoiceDiscount(Struct, frozen=True, kw_only=True):
    """`percent` of what is paid by `until` need not be paid."""

    percent: str
    until: date


class InvoiceRemainder(Struct, frozen=True, kw_only=True):
    """The last judgement on what a payment left open. `why` is deduction, or why it is none; `explanation` has the
    numbers and the policy."""

    payment_id: str
    received_on: date
    amount: WireMoney
    why: str
    explanation: str


class MendedError(Struct, frozen=True, kw_only=True):
    """The event that corrected an error which was there from the start, and the day on which that was done."""

    event_id: str
    corrected_on: date


class Invoice(Struct, frozen=True, kw_only=True):
    """`open` is neither paid nor credited nor written off nor granted as discount, `disputed` the held part of it;
    `days_overdue` is below 1 if it is not due. `withheld_tax` is the part of `undisputed` that waits for a tax
    certificate. An invoice that was cancelled keeps its total, and nothing of it is open. `corrected`: a correction of
    a day after `as_of` mended an error from the start, so that this day was answered otherwise before it. `status` is
    open, settled, or not_issued where the issue date lies behind `as_of`."""

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
    write_offs: tuple[InvoiceWriteOff, ...]
    cancelled_on: date | None
    collected_by: CollectedBy | None
    tax: WireMoney | None
    po_number: str | None
    discount: InvoiceDiscount | None
    discount_granted: WireMoney
    withheld_tax: WireMoney
    remainder: InvoiceRemainder | None
    corrected: MendedError | None
    version: int
    as_of: date
    known_at: datetime


async def invoice(  # noqa: PLR0917
    log: EventLog, tenant_id: str, invoice_id: str, legal_entity: str | None, moment: Moment, now: datetime
) -> Invoice | None:
    """The invoice at the end of `as_of`, which is today of its legal entity if no day was asked for, from what was
    recorded by `known_at`; None if it was not known by then. AmbiguousInvoice where several entities had the number by
    then and none is named."""
    item, known = await _known(log, tenant_id, invoice_stream(tenant_id, invoice_id), moment)
    entity = own_entity(item, invoice_id, legal_entity)
    if entity is not None:
        item, known = await _known(log, tenant_id, invoice_stream(tenant_id, invoice_id, entity), moment)
    if item.terms is None or not item.is_of(legal_entity):
        return None
    zone = await zone_of_entity(log, tenant_id, item.terms.legal_entity, moment)
    as_of = moment.day(now, zone)
    return _shown(item, as_of, moment.stated(now), known[-1].version, mended(known, as_of))


async def _known(
    log: EventLog, tenant_id: str, stream: UUID, moment: Moment
) -> tuple[OpenItem, Sequence[RecordedEvent]]:
    stored = await log.read_stream(tenant_id, stream)
    known = [event for event in stored if event.recorded_at <= moment.recorded_by]
    return fold(INVOICE, known), known


def mended(known: Sequence[RecordedEvent], as_of: date) -> MendedError | None:
    """The last event that changed what had been answered about the day before."""
    for event in reversed(known):
        if event.type == "invoice-corrected":
            fact = INVOICE.codec.decode(event.type, event.schema_version, event.payload)
            if isinstance(fact, InvoiceCorrected) and fact.from_start and fact.corrected_on > as_of:
                return MendedError(event_id=public_id("evt", event.event_id), corrected_on=fact.corrected_on)
    return None


def _shown(item: OpenItem, as_of: date, known_at: datetime, version: int, corrected: MendedError | None) -> Invoice:
    if item.terms is None:
        raise ValueError("an invoice that is not registered cannot be shown")
    terms = item.terms_on(as_of) or item.terms
    currency = terms.total.currency

    def money(minor: int) -> WireMoney:
        return wire(Money(minor, currency))

    whole = amount_on(item.movements, as_of)
    held = [(claim, amount_on(claim.held, as_of)) for claim in item.claims]
    disputed = sum(minor for _, minor in held)
    granted = sum(each.minor for each in item.discounts if each.on <= as_of and not each.is_withdrawn_on(as_of))
    return Invoice(
        invoice_id=terms.invoice_id,
        customer_id=item.customer_on(as_of),
        legal_entity=terms.legal_entity,
        source=terms.source,
        issued_on=terms.issued_on,
        due_on=terms.due_on,
        total=wire(terms.total),
        open=money(whole),
        disputed=money(disputed),
        undisputed=money(whole - disputed),
        status=status(whole) if terms.issued_on <= as_of else NOT_ISSUED,
        days_overdue=days_overdue(whole, as_of, terms.due_on),
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
                gone=money(each.gone),
                returned=each.returned,
                under_protest=each.under_protest,
            )
            for each in item.applications
        ),
        write_offs=tuple(
            InvoiceWriteOff(
                write_off_id=each.write_off_id,
                posted_on=each.posted_on,
                amount=money(each.minor),
                kind=each.kind,
                gone=money(each.gone),
            )
            for each in item.write_offs
        ),
        cancelled_on=item.cancelled_on,
        collected_by=None
        if item.collected_by is None
        else CollectedBy(
            to=item.collected_by.to, handed_on=item.collected_by.handed_on, reference=item.collected_by.reference
        ),
        tax=wire(terms.tax) if terms.tax else None,
        po_number=terms.po_number,
        discount=_discount(replace(item, terms=terms)),
        discount_granted=money(granted),
        withheld_tax=money(min(whole - disputed, item.withheld_on(as_of))),
        remainder=_remainder(item),
        corrected=corrected,
        version=version,
        as_of=as_of,
        known_at=known_at,
    )


def _discount(item: OpenItem) -> InvoiceDiscount | None:
    until = last_day(item)
    if until is None or item.terms is None or item.terms.discount is None:
        return None
    return InvoiceDiscount(percent=f"{item.terms.discount.percent:f}", until=until)


def _remainder(item: OpenItem) -> InvoiceRemainder | None:
    match item.judged:
        case ShortPaymentDetected(short=amount):
            why = "deduction"
        case RemainderLeft(remainder=amount, why=why):
            pass
        case RemainderTolerated(remainder=amount):
            why = "tolerated"
        case None:
            return None
    return InvoiceRemainder(
        payment_id=item.judged.payment_id,
        received_on=item.judged.received_on,
        amount=wire(amount),
        why=why,
        explanation=item.judged.explanation,
    )
