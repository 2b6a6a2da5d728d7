"""An invoice in the log: the stored names of its events and the id of its stream. A stored name never changes."""

from typing import Final
from uuid import UUID

from collections_service.open_items.document import current_invoice
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
    RecoveryTaskOpened,
    RemainderTolerated,
    ShortPaymentDetected,
)
from collections_service.open_items.state import OpenItem, evolve
from redress.codec import Codec
from redress.decider import Decider
from redress.ids import derived_uuid

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
        "recollection-task-opened": (1, RecoveryTaskOpened),
    }
)
INVOICE: Final[Decider[OpenItem, OpenItemEvent]] = Decider(
    stream_type="invoice",
    initial=OpenItem(),
    evolve=evolve,
    codec=OPEN_ITEM_CODEC,
    document=current_invoice,
)


def invoice_stream(tenant_id: str, invoice_id: str) -> UUID:
    """An invoice number is unique in a company; which ERP posted it does not matter."""
    return derived_uuid("invoice", tenant_id, invoice_id)
