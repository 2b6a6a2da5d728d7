"""A receipt in the log: its decider and the id of its stream."""

from typing import Final
from uuid import UUID

from collections_service.receipts.document import receipt_document
from collections_service.receipts.events import RECEIPT_CODEC, ReceiptEvent
from collections_service.receipts.state import Receipt, evolve
from redress.decider import Decider
from redress.ids import derived_uuid

RECEIPT: Final[Decider[Receipt, ReceiptEvent]] = Decider(
    stream_type="receipt",
    initial=Receipt(),
    evolve=evolve,
    codec=RECEIPT_CODEC,
    document=receipt_document,
)


def receipt_stream(tenant_id: str, source: str, payment_id: str) -> UUID:
    return derived_uuid("receipt", tenant_id, source, payment_id)


def credit_memo_stream(tenant_id: str, source: str, credit_memo_id: str) -> UUID:
    """A stream of the receipt kind; a payment and a credit memo may carry the same number."""
    return derived_uuid("receipt", tenant_id, source, "credit-memo", credit_memo_id)
