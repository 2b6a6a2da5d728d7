"""Stored event → published contract. Stored events are ours; published ones are a promise to others."""

from typing import assert_never
from uuid import UUID

from collections_service.receipts.events import (
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
from collections_service.receipts.state import Receipt, RecordedReceipt
from redress.contracts import collections_events as public
from redress.contracts.common import wire


def published(event: ReceiptEvent, _stream_id: UUID, after: Receipt) -> public.CollectionsEvent | None:
    """Refunds; and cash that no invoice has taken, when there is some or was some. Credit on account is not cash."""
    recorded = after.recorded
    if recorded is None:
        return None
    match event:
        case ReceiptRefunded():
            return public.RefundPosted(
                refund_id=event.refund_id,
                receipt_kind=recorded.kind,
                receipt_id=event.receipt_id,
                customer_id=event.customer_id,
                refunded_on=event.refunded_on,
                amount=wire(event.amount),
                unapplied=wire(recorded.unapplied),
                legal_entity=recorded.legal_entity,
            )
        case ReceiptReversed() if event.unapplied_returned.minor:
            return _unapplied_cash(recorded)
        case PaymentReceived() | PayerIdentified() if recorded.unapplied.minor:
            return _unapplied_cash(recorded)
        case ReceiptApplied() | ReceiptUnapplied() if recorded.kind == "payment":
            return _unapplied_cash(recorded)
        case (
            PaymentReceived()
            | PayerIdentified()
            | ReceiptReversed()
            | ReceiptApplied()
            | ReceiptUnapplied()
            | CreditMemoPosted()
            | CreditMemoCancelled()
        ):
            return None
        case _:
            assert_never(event)


def _unapplied_cash(recorded: RecordedReceipt) -> public.UnappliedCashChanged:
    return public.UnappliedCashChanged(
        source=recorded.source,
        payment_id=recorded.receipt_id,
        customer_id=recorded.customer_id,
        received_on=recorded.received_on,
        unapplied=wire(recorded.unapplied),
        legal_entity=recorded.legal_entity,
    )
