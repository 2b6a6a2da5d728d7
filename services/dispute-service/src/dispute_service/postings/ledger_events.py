"""The events of collections-service that this service reads. Other types are None, not errors."""

from datetime import datetime

import msgspec

from dispute_service.disputable_invoices.commands import RecordInvoice
from dispute_service.disputable_invoices.events import KnownLine
from redress.contracts.collections_events import (
    CreditMemoApplied,
    DiscountGranted,
    DiscountWithdrawn,
    InvoiceChanged,
    InvoiceRegistered,
    PaymentApplied,
    PaymentReversed,
    ShortPaymentDetected,
)
from redress.contracts.envelope import PublishedEvent

LedgerEvent = (
    InvoiceRegistered
    | InvoiceChanged
    | PaymentApplied
    | PaymentReversed
    | DiscountGranted
    | DiscountWithdrawn
    | CreditMemoApplied
    | ShortPaymentDetected
)

_DECODERS: dict[str, msgspec.json.Decoder[LedgerEvent]] = {
    "invoice-registered": msgspec.json.Decoder(InvoiceRegistered),
    "invoice-changed": msgspec.json.Decoder(InvoiceChanged),
    "payment-applied": msgspec.json.Decoder(PaymentApplied),
    "payment-reversed": msgspec.json.Decoder(PaymentReversed),
    "discount-granted": msgspec.json.Decoder(DiscountGranted),
    "discount-withdrawn": msgspec.json.Decoder(DiscountWithdrawn),
    "credit-memo-applied": msgspec.json.Decoder(CreditMemoApplied),
    "short-payment-detected": msgspec.json.Decoder(ShortPaymentDetected),
}


def ledger_event(published: PublishedEvent) -> LedgerEvent | None:
    """The event; None for a type that this service does not use. Fields that are not known are ignored."""
    decoder = _DECODERS.get(published.type)
    return None if decoder is None else decoder.decode(published.data)


def counts_from(published: PublishedEvent) -> datetime:
    """When the posting counts for disputes. A value date may be in the future; a dispute lives today."""
    return min(published.effective_at, published.time)


def invoice_now(published: PublishedEvent, posting: LedgerEvent) -> RecordInvoice:
    """The invoice after the posting. The stream's version orders the postings of one invoice."""
    invoice = posting.invoice
    return RecordInvoice(
        at=counts_from(published),
        ledger_version=published.version,
        customer_id=invoice.customer_id,
        legal_entity=invoice.legal_entity,
        currency=invoice.currency,
        total=invoice.total.money().minor,
        open=invoice.open.money().minor,
        lines=tuple(KnownLine(line.line, line.amount.money().minor) for line in invoice.lines),
    )
