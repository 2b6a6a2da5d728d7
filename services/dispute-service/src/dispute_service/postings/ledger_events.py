"""The events of collections-service that this service reads. Other types are None, not errors.

A type that is not known yet and carries an invoice tells at least what is open there, and is read as that.
"""

from datetime import UTC, datetime, time

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from dispute_service.disputable_invoices.commands import RecordInvoice
from dispute_service.disputable_invoices.events import KnownLine
from redress.business_day import day_begins
from redress.contracts.collections_events import (
    CreditMeantFor,
    CreditMemoApplied,
    CreditMemoReversed,
    CreditMemoUnapplied,
    CreditOnAccountPosted,
    CreditOnAccountReversed,
    DiscountGranted,
    DiscountWithdrawn,
    InvoiceCancelled,
    InvoiceChanged,
    InvoiceCustomerChanged,
    InvoiceRegistered,
    InvoiceSummary,
    PaymentApplied,
    PaymentReversed,
    PaymentUnapplied,
    RefundPosted,
    ShortPaymentDetected,
    WriteOffPosted,
    WriteOffReversed,
)
from redress.contracts.envelope import PublishedEvent


class Answer(Struct, frozen=True, kw_only=True):
    """A refund or a credit on account (`cause`), as far as it answers claims after payment: of this invoice, by this
    dispute, where the ERP names them. `gone`: so much of it was cancelled."""

    cause: str
    reference: str
    source: str
    meant_for: tuple[CreditMeantFor, ...]
    gone: int | None = None


class OtherPosting(Struct, frozen=True, kw_only=True):
    """Whatever else happened to an invoice: it is so now."""

    invoice: InvoiceSummary


LedgerEvent = (
    InvoiceRegistered
    | InvoiceChanged
    | InvoiceCustomerChanged
    | InvoiceCancelled
    | PaymentApplied
    | PaymentReversed
    | PaymentUnapplied
    | DiscountGranted
    | DiscountWithdrawn
    | CreditMemoApplied
    | CreditMemoReversed
    | CreditMemoUnapplied
    | WriteOffPosted
    | WriteOffReversed
    | ShortPaymentDetected
    | OtherPosting
)

# They say nothing that this service has not said itself, or are about no invoice.
_NOT_POSTINGS = frozenset(
    {
        "dispute-hold-placed",
        "dispute-hold-released",
        "recovery-task-opened",
        "recovery-task-changed",
        "collection-handed-over",
        "collection-taken-back",
        "unapplied-cash-changed",
        "refund-posted",
        "legal-entity-changed",
        "credit-on-account-posted",
        "credit-on-account-reversed",
    }
)
_ANSWERS: dict[str, msgspec.json.Decoder[CreditOnAccountPosted | CreditOnAccountReversed | RefundPosted]] = {
    "credit-on-account-reversed": msgspec.json.Decoder(CreditOnAccountReversed),
    "credit-on-account-posted": msgspec.json.Decoder(CreditOnAccountPosted),
    "refund-posted": msgspec.json.Decoder(RefundPosted),
}
_DECODERS: dict[str, msgspec.json.Decoder[LedgerEvent]] = {
    "invoice-registered": msgspec.json.Decoder(InvoiceRegistered),
    "invoice-changed": msgspec.json.Decoder(InvoiceChanged),
    "invoice-customer-changed": msgspec.json.Decoder(InvoiceCustomerChanged),
    "payment-applied": msgspec.json.Decoder(PaymentApplied),
    "payment-reversed": msgspec.json.Decoder(PaymentReversed),
    "discount-granted": msgspec.json.Decoder(DiscountGranted),
    "discount-withdrawn": msgspec.json.Decoder(DiscountWithdrawn),
    "credit-memo-applied": msgspec.json.Decoder(CreditMemoApplied),
    "invoice-cancelled": msgspec.json.Decoder(InvoiceCancelled),
    "payment-unapplied": msgspec.json.Decoder(PaymentUnapplied),
    "credit-memo-reversed": msgspec.json.Decoder(CreditMemoReversed),
    "credit-memo-unapplied": msgspec.json.Decoder(CreditMemoUnapplied),
    "write-off-posted": msgspec.json.Decoder(WriteOffPosted),
    "write-off-reversed": msgspec.json.Decoder(WriteOffReversed),
    "short-payment-detected": msgspec.json.Decoder(ShortPaymentDetected),
}


class _PerhapsAnInvoice(Struct, frozen=True):
    invoice: InvoiceSummary | None = None


_perhaps_an_invoice = msgspec.json.Decoder(_PerhapsAnInvoice)


def ledger_event(published: PublishedEvent) -> LedgerEvent | None:
    """The event; None for a type that this service does not use. Fields that are not known are ignored."""
    decoder = _DECODERS.get(published.type)
    if decoder is not None:
        return decoder.decode(published.data)
    if published.type in _NOT_POSTINGS:
        return None
    invoice = _perhaps_an_invoice.decode(published.data).invoice
    return None if invoice is None else OtherPosting(invoice=invoice)


def answer(published: PublishedEvent) -> Answer | None:
    """None for what answers no claim after payment."""
    decoder = _ANSWERS.get(published.type)
    match None if decoder is None else decoder.decode(published.data):
        case CreditOnAccountPosted(credit_memo_id=number, source=source, meant_for=meant_for):
            return Answer(cause="credit-on-account", reference=number, source=source, meant_for=meant_for)
        case CreditOnAccountReversed(credit_memo_id=number, source=source, meant_for=meant_for, amount=amount):
            gone = amount.money().minor
            return Answer(cause="credit-on-account", reference=number, source=source, meant_for=meant_for, gone=gone)
        case RefundPosted(refund_id=number, source=source, dispute_id=str() as dispute_id, amount=amount):
            meant_for = (CreditMeantFor(invoice_id=None, dispute_id=dispute_id, amount=amount),)
            return Answer(cause="refund", reference=number, source=source, meant_for=meant_for)
        case _:
            return None


def on_the_entitys_day(published: PublishedEvent, zone: str) -> PublishedEvent:
    """The posting with its business date where the legal entity's clocks have it. The ledger publishes the date as its
    midnight in UTC; an instant of another time is one already."""
    at = published.effective_at.astimezone(UTC)
    return replace(published, effective_at=day_begins(at.date(), zone)) if at.time() == time() else published


def counts_from(published: PublishedEvent) -> datetime:
    """When the posting counts for disputes. A value date may be in the future; a dispute lives today."""
    return min(published.effective_at, published.time)


def invoice_now(published: PublishedEvent, posting: LedgerEvent) -> RecordInvoice:
    """The invoice after the posting. The stream's version orders the postings of one invoice. Nothing lies on one that
    is cancelled, so that nothing is claimed back of it."""
    invoice = posting.invoice
    paid = None if invoice.paid is None else invoice.paid.money().minor
    return RecordInvoice(
        at=counts_from(published),
        ledger_version=published.version,
        customer_id=invoice.customer_id,
        legal_entity=invoice.legal_entity,
        currency=invoice.currency,
        total=invoice.total.money().minor,
        open=invoice.open.money().minor,
        lines=tuple(KnownLine(line.line, line.amount.money().minor) for line in invoice.lines),
        paid=0 if isinstance(posting, InvoiceCancelled) else paid,
    )
