"""`GET /v1/invoices/{id}`: the amounts owed on an invoice, now, at the end of a business day, or as it was known."""

from datetime import date, datetime

from msgspec import Struct

from collections_service.open_items.discounts import last_day
from collections_service.open_items.events import RemainderLeft, RemainderTolerated, ShortPaymentDetected
from collections_service.open_items.overdue import days_overdue, status
from collections_service.open_items.state import OpenItem, amount_on
from collections_service.open_items.stream import INVOICE, invoice_stream
from redress.contracts.common import WireMoney, wire
from redress.decider import fold
from redress.eventlog.log import EventLog
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


class Invoice(Struct, frozen=True, kw_only=True):
    """`open` is neither paid nor credited nor written off nor granted as discount, `disputed` the held part of it;
    `days_overdue` is below 1 if it is not due. `withheld_tax` is the part of `undisputed` that waits for a tax
    certificate. An invoice that was cancelled keeps its total, and nothing of it is open."""

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
    version: int
    as_of: date
    known_at: datetime


async def invoice(log: EventLog, tenant_id: str, invoice_id: str, moment: Moment, now: datetime) -> Invoice | None:
    """The invoice at the end of `as_of`, from what was recorded by `known_at`; None if it was not known by then."""
    stored = await log.read_stream(tenant_id, invoice_stream(tenant_id, invoice_id))
    known = [event for event in stored if event.recorded_at <= moment.recorded_by]
    item = fold(INVOICE, known)
    if item.terms is None:
        return None
    return _shown(item, moment, now, known[-1].version)


def _shown(item: OpenItem, moment: Moment, now: datetime, version: int) -> Invoice:
    if item.terms is None:
        raise ValueError("an invoice that is not registered cannot be shown")
    terms = item.terms
    currency = terms.total.currency
    as_of = moment.day(now)

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
        status=status(whole),
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
        discount=_discount(item),
        discount_granted=money(granted),
        withheld_tax=money(min(whole - disputed, item.withheld_on(as_of))),
        remainder=_remainder(item),
        version=version,
        as_of=as_of,
        known_at=moment.stated(now),
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
