"""A receipt in the log: the stored names of its events and the id of its stream. A stored name never changes."""

from typing import Final
from uuid import UUID

from collections_service.receipts.document import current_receipt
from collections_service.receipts.events import CreditMemoPosted, PaymentReceived, ReceiptEvent, ReceiptReversed
from collections_service.receipts.state import Receipt, evolve
from redress.codec import Codec
from redress.decider import Decider
from redress.ids import derived_uuid

RECEIPT_CODEC: Final[Codec[ReceiptEvent]] = Codec(
    {
        "payment-received": (1, PaymentReceived),
        "credit-memo-posted": (1, CreditMemoPosted),
        "receipt-reversed": (1, ReceiptReversed),
    }
)
RECEIPT: Final[Decider[Receipt, ReceiptEvent]] = Decider(
    stream_type="receipt",
    initial=Receipt(),
    evolve=evolve,
    codec=RECEIPT_CODEC,
    document=current_receipt,
)


def receipt_stream(tenant_id: str, source: str, payment_id: str) -> UUID:
    return derived_uuid("receipt", tenant_id, source, payment_id)


def credit_memo_stream(tenant_id: str, source: str, credit_memo_id: str) -> UUID:
    """A stream of the receipt kind; a payment and a credit memo may carry the same number."""
    return derived_uuid("receipt", tenant_id, source, "credit-memo", credit_memo_id)
