"""One receipt as its events left it."""

from datetime import date
from typing import assert_never

from msgspec import Struct
from msgspec.structs import replace

from collections_service.receipts.events import (
    Allocation,
    CreditMemoPosted,
    PaymentReceived,
    ReceiptEvent,
    ReceiptReversed,
)
from redress.money import Money


class RecordedReceipt(Struct, frozen=True, kw_only=True):
    """`kind` is payment or credit_memo; `received_on` is the value date, or the credit memo's date."""

    kind: str
    source: str
    receipt_id: str
    customer_id: str
    received_on: date
    amount: Money
    allocations: tuple[Allocation, ...]
    unapplied: Money
    returned: Money


class Receipt(Struct, frozen=True):
    """`recorded` is None for a receipt nobody has told us about."""

    recorded: RecordedReceipt | None = None

    @property
    def applied_minor(self) -> int:
        """The part that invoices hold now: nothing once the payment was returned."""
        if self.recorded is None or self.recorded.returned.minor:
            return 0
        return sum(allocation.applied.minor for allocation in self.recorded.allocations)


def evolve(receipt: Receipt, event: ReceiptEvent) -> Receipt:
    match event:
        case PaymentReceived():
            return Receipt(
                RecordedReceipt(
                    kind="payment",
                    source=event.source,
                    receipt_id=event.payment_id,
                    customer_id=event.customer_id,
                    received_on=event.received_on,
                    amount=event.amount,
                    allocations=event.allocations,
                    unapplied=event.unapplied,
                    returned=Money(0, event.amount.currency),
                )
            )
        case CreditMemoPosted():
            return Receipt(
                RecordedReceipt(
                    kind="credit_memo",
                    source=event.source,
                    receipt_id=event.credit_memo_id,
                    customer_id=event.customer_id,
                    received_on=event.issued_on,
                    amount=event.total,
                    allocations=event.allocations,
                    unapplied=event.unapplied,
                    returned=Money(0, event.total.currency),
                )
            )
        case ReceiptReversed():
            if receipt.recorded is None:
                return receipt
            remaining = receipt.recorded.unapplied - event.unapplied_returned
            return Receipt(replace(receipt.recorded, unapplied=remaining, returned=event.returned))
        case _:
            assert_never(event)
