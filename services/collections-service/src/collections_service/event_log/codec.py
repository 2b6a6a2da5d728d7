"""Stored name and version of every event. Classes may move and be renamed; what stands here never changes."""

from typing import Final

from collections_service.customers.events import CustomerChanged, CustomerEvent, CustomerRegistered
from collections_service.open_items.events import (
    CreditAwaited,
    CreditMemoApplied,
    DisputeReported,
    HoldPlaced,
    HoldReduced,
    HoldReleased,
    InvoiceCorrected,
    InvoiceRegistered,
    OpenItemEvent,
    PastHoldRecorded,
    PaymentApplied,
    PaymentReversed,
    RecollectionTaskOpened,
    RemainderTolerated,
    ShortPaymentDetected,
)
from collections_service.receipts.events import CreditMemoPosted, PaymentReceived, ReceiptEvent, ReceiptReversed
from redress.eventlog.codec import Codec

OPEN_ITEM_CODEC: Final[Codec[OpenItemEvent]] = Codec(
    {
        "invoice-registered": (1, InvoiceRegistered),
        "invoice-corrected": (1, InvoiceCorrected),
        "payment-applied": (1, PaymentApplied),
        "payment-reversed": (1, PaymentReversed),
        "credit-memo-applied": (1, CreditMemoApplied),
        "short-payment-detected": (1, ShortPaymentDetected),
        "remainder-tolerated": (1, RemainderTolerated),
        "dispute-reported": (1, DisputeReported),
        "hold-placed": (1, HoldPlaced),
        "hold-reduced": (1, HoldReduced),
        "hold-released": (1, HoldReleased),
        "past-hold-recorded": (1, PastHoldRecorded),
        "credit-awaited": (1, CreditAwaited),
        "recollection-task-opened": (1, RecollectionTaskOpened),
    }
)
RECEIPT_CODEC: Final[Codec[ReceiptEvent]] = Codec(
    {
        "payment-received": (1, PaymentReceived),
        "credit-memo-posted": (1, CreditMemoPosted),
        "receipt-reversed": (1, ReceiptReversed),
    }
)
CUSTOMER_CODEC: Final[Codec[CustomerEvent]] = Codec(
    {
        "customer-registered": (1, CustomerRegistered),
        "customer-changed": (1, CustomerChanged),
    }
)
