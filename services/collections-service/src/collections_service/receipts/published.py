"""Stored event → published contract. Stored events are ours; published ones are a promise to others."""

from typing import assert_never
from uuid import UUID

from collections_service.receipts.events import CreditMemoPosted, PaymentReceived, ReceiptEvent, ReceiptReversed
from collections_service.receipts.state import Receipt
from redress.contracts import collections_events as public
from redress.contracts.common import wire
from redress.money import Money


def published(event: ReceiptEvent, _stream_id: UUID, after: Receipt) -> public.CollectionsEvent | None:
    """Cash that no invoice has taken, when there is some or was some. Credit on account is not cash."""
    source = after.recorded.source if after.recorded is not None else ""
    match event:
        case PaymentReceived() if event.unapplied.minor:
            return public.UnappliedCashChanged(
                source=source,
                payment_id=event.payment_id,
                customer_id=event.customer_id,
                received_on=event.received_on,
                unapplied=wire(event.unapplied),
            )
        case ReceiptReversed() if event.unapplied_returned.minor:
            return public.UnappliedCashChanged(
                source=source,
                payment_id=event.payment_id,
                customer_id=event.customer_id,
                received_on=event.received_on,
                unapplied=wire(Money(0, event.unapplied_returned.currency)),
            )
        case PaymentReceived() | ReceiptReversed() | CreditMemoPosted():
            return None
        case _:
            assert_never(event)
