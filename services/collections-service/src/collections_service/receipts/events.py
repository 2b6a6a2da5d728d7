"""Everything that can have happened to one receipt, a customer's payment or a credit memo, and to its amount.

received = applied + unapplied + returned + refunded, always.
"""

from datetime import date
from typing import Final

from msgspec import Struct

from collections_service.open_items.events import Step
from collections_service.open_items.identity import key_of
from redress.codec import Codec, fields_added
from redress.money import Money


class Allocation(Struct, frozen=True, kw_only=True):
    """`named` is what the sender meant for the invoice, `applied` what was open there (`applied_on` None: nothing).
    `dispute_id` is the dispute that a credit memo named there. `legal_entity` is whose invoice it is where that is not
    the first one with its number; so in everything a receipt says."""

    invoice_id: str
    named: Money
    applied: Money
    applied_on: date | None
    dispute_id: str | None = None
    legal_entity: str | None = None

    @property
    def key(self) -> str:
        return key_of(self.invoice_id, self.legal_entity)


class TakenBack(Struct, frozen=True, kw_only=True):
    """`amount` that an invoice had is taken off it; it is open by that again from `effective_on`."""

    invoice_id: str
    amount: Money
    effective_on: date
    legal_entity: str | None = None

    @property
    def key(self) -> str:
        return key_of(self.invoice_id, self.legal_entity)


class PaymentReceived(Struct, frozen=True, kw_only=True):
    """Money arrived and was applied as the payer said; `unapplied` is what no invoice took.

    `customer_id` is empty where nobody knew whose money it is. `legal_entity` is whose account it arrived on, where the
    ERP says it. A second one on the same stream is the same payment
    presented again, after all of it had come back.
    """

    source: str
    payment_id: str
    customer_id: str
    received_on: date
    amount: Money
    allocations: tuple[Allocation, ...]
    unapplied: Money
    remittance_reason: str | None = None
    legal_entity: str | None = None


class CreditMemoPosted(Struct, frozen=True, kw_only=True):
    """The ERP credited the customer; `unapplied` is credit on account that no invoice took. `dispute_id` is the claim
    after payment that the ERP says it answers."""

    source: str
    credit_memo_id: str
    legal_entity: str
    customer_id: str
    issued_on: date
    total: Money
    allocations: tuple[Allocation, ...]
    unapplied: Money
    dispute_id: str | None = None


class ReceiptApplied(Struct, frozen=True, kw_only=True):
    """What was unapplied was applied to invoices; `applied` in all. `receipt_id` as its ERP numbers it."""

    application_id: str
    receipt_id: str
    customer_id: str
    applied_on: date
    allocations: tuple[Allocation, ...]
    applied: Money


class ReceiptUnapplied(Struct, frozen=True, kw_only=True):
    """What invoices had was taken off them; `unapplied` in all, which no invoice has from the days in `back` on."""

    application_id: str
    receipt_id: str
    customer_id: str
    unapplied_on: date
    back: tuple[TakenBack, ...]
    unapplied: Money


class ReceiptReversed(Struct, frozen=True, kw_only=True):
    """The payment came back: `returned` in all, of it `unapplied_returned` from unapplied cash, and the rest from the
    invoices in `back`. Older events are of whole payments and do not name the invoices: every one gave back all."""

    payment_id: str
    customer_id: str
    received_on: date
    reversed_on: date
    effective_on: date
    returned: Money
    unapplied_returned: Money
    reason: str | None = None
    reversal_id: str | None = None
    back: tuple[TakenBack, ...] = ()


class CreditMemoCancelled(Struct, frozen=True, kw_only=True):
    """A credit memo was cancelled: `returned` of it in all, of which `unapplied_returned` was credit on account."""

    credit_memo_id: str
    customer_id: str
    issued_on: date
    reversed_on: date
    effective_on: date
    returned: Money
    unapplied_returned: Money
    reversal_id: str
    back: tuple[TakenBack, ...] = ()
    reason: str | None = None


class PayerIdentified(Struct, frozen=True, kw_only=True):
    """The customer of a payment that came without one is known. `cash` is what no invoice has of it, by the day from
    which that is so: it was the customer's on those days already."""

    payment_id: str
    customer_id: str
    identified_on: date
    currency: str
    cash: tuple[Step, ...]


class ReceiptRefunded(Struct, frozen=True, kw_only=True):
    """Unapplied money was paid out to the customer. `dispute_id` is the claim after payment that it answers."""

    refund_id: str
    receipt_id: str
    customer_id: str
    refunded_on: date
    effective_on: date
    amount: Money
    reason: str | None = None
    dispute_id: str | None = None


ReceiptEvent = (
    PaymentReceived
    | CreditMemoPosted
    | ReceiptApplied
    | ReceiptUnapplied
    | ReceiptReversed
    | CreditMemoCancelled
    | PayerIdentified
    | ReceiptRefunded
)


# Stored names and versions. A class may be renamed; a stored name never changes.
RECEIPT_CODEC: Final[Codec[ReceiptEvent]] = Codec(
    {
        "payment-received": (3, PaymentReceived),
        "credit-memo-posted": (3, CreditMemoPosted),
        "receipt-applied": (2, ReceiptApplied),
        "receipt-unapplied": (2, ReceiptUnapplied),
        "receipt-reversed": (3, ReceiptReversed),
        "credit-memo-cancelled": (2, CreditMemoCancelled),
        "payer-identified": (1, PayerIdentified),
        "receipt-refunded": (2, ReceiptRefunded),
    },
    {
        ("payment-received", 1): fields_added,
        ("payment-received", 2): fields_added,
        ("credit-memo-posted", 1): fields_added,
        ("credit-memo-posted", 2): fields_added,
        ("receipt-applied", 1): fields_added,
        ("receipt-unapplied", 1): fields_added,
        ("receipt-reversed", 1): fields_added,
        ("receipt-reversed", 2): fields_added,
        ("credit-memo-cancelled", 1): fields_added,
        ("receipt-refunded", 1): fields_added,
    },
)
