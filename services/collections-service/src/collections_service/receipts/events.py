"""Everything that can have happened to one receipt, a customer's payment or a credit memo, and to its amount.

received = applied + unapplied + returned, always.
"""

from datetime import date
from typing import Final

from msgspec import Struct

from redress.codec import Codec, fields_added
from redress.money import Money


class Allocation(Struct, frozen=True, kw_only=True):
    """`named` is what the sender meant for the invoice, `applied` what was open there (`applied_on` None: nothing).
    `dispute_id` is the dispute that a credit memo named there."""

    invoice_id: str
    named: Money
    applied: Money
    applied_on: date | None
    dispute_id: str | None = None


class PaymentReceived(Struct, frozen=True, kw_only=True):
    """Money arrived and was applied as the payer said; `unapplied` is what no invoice took."""

    source: str
    payment_id: str
    customer_id: str
    received_on: date
    amount: Money
    allocations: tuple[Allocation, ...]
    unapplied: Money
    remittance_reason: str | None = None


class CreditMemoPosted(Struct, frozen=True, kw_only=True):
    """The ERP credited the customer; `unapplied` is credit on account that no invoice took."""

    source: str
    credit_memo_id: str
    legal_entity: str
    customer_id: str
    issued_on: date
    total: Money
    allocations: tuple[Allocation, ...]
    unapplied: Money


class ReceiptReversed(Struct, frozen=True, kw_only=True):
    """The payment came back: `returned` in all, of it `unapplied_returned` from unapplied cash."""

    payment_id: str
    customer_id: str
    received_on: date
    reversed_on: date
    effective_on: date
    returned: Money
    unapplied_returned: Money
    reason: str | None = None


ReceiptEvent = PaymentReceived | CreditMemoPosted | ReceiptReversed


# Stored names and versions. A class may be renamed; a stored name never changes.
RECEIPT_CODEC: Final[Codec[ReceiptEvent]] = Codec(
    {
        "payment-received": (2, PaymentReceived),
        "credit-memo-posted": (2, CreditMemoPosted),
        "receipt-reversed": (1, ReceiptReversed),
    },
    {("payment-received", 1): fields_added, ("credit-memo-posted", 1): fields_added},
)
