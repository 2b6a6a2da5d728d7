"""The current-state document of a receipt, written in the append's transaction, so that a caller reads its own write.

Amounts are minor units of the document's currency.
"""

from datetime import date
from uuid import UUID

import msgspec
from msgspec import Struct

from collections_service.receipts.state import Receipt


class ReceiptDocument(Struct, frozen=True, kw_only=True):
    kind: str
    source: str
    receipt_id: str
    customer_id: str
    received_on: date
    currency: str
    amount: int
    applied: int
    unapplied: int
    returned: int
    refunded: int = 0
    legal_entity: str | None = None


_encoder = msgspec.json.Encoder()


def receipt_document(_stream_id: UUID, _version: int, receipt: Receipt) -> bytes | None:
    recorded = receipt.recorded
    if recorded is None:
        return None
    return _encoder.encode(
        ReceiptDocument(
            kind=recorded.kind,
            source=recorded.source,
            receipt_id=recorded.receipt_id,
            customer_id=recorded.customer_id,
            received_on=recorded.received_on,
            currency=recorded.amount.currency,
            amount=recorded.amount.minor,
            applied=receipt.applied_minor,
            unapplied=recorded.unapplied.minor,
            returned=recorded.returned.minor,
            refunded=recorded.refunded.minor,
            legal_entity=recorded.legal_entity,
        )
    )
