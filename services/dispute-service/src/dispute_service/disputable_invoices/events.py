"""The events of an invoice that concern disputes. Amounts are minor units of its currency."""

from datetime import datetime
from typing import Final

from msgspec import Struct

from redress.codec import Codec, fields_added


class KnownLine(Struct, frozen=True):
    """A line and what it was billed at, as the ERP posted it (tax may stand outside the lines)."""

    line: str
    amount: int


class InvoiceRecorded(Struct, frozen=True, kw_only=True):
    """The ledger reported the invoice after one of its postings. `ledger_version` counts those. `paid` is what payments
    have left on it; None where the ledger did not say."""

    at: datetime
    ledger_version: int
    customer_id: str
    legal_entity: str
    currency: str
    total: int
    open: int
    lines: tuple[KnownLine, ...] = ()
    paid: int | None = None


class HeldAmount(Struct, frozen=True):
    """One dispute's hold on a line (`line` None: on the invoice as a whole). What awaits a posting of the ERP (credit
    memo, write-off, payment) is part of it."""

    line: str | None
    amount: int
    awaiting_credit: int = 0
    awaiting_write_off: int = 0
    awaiting_payment: int = 0

    @property
    def awaiting(self) -> int:
        return self.awaiting_credit + self.awaiting_write_off + self.awaiting_payment


class ReservationSet(Struct, frozen=True, kw_only=True):
    """The amounts that a dispute holds of the invoice from now on; empty when it holds nothing. `payment_id` is the
    payment that changed them, `credit_memo_id` the credit memo, `write_off_id` the write-off, `source` the ERP that
    numbered it: when it is reversed, its amount comes back to this dispute.

    `opened_at` of the dispute gives its place, the oldest first; None in older events, where the first reservation's
    `at` does. `claimed_back` is what it contests besides that is paid already. `mismatched` says that it contests
    something besides that is not this invoice, and holds nothing for it. `legal_entity` is whose invoice the dispute
    means; None: the first with the number.
    """

    at: datetime
    dispute_id: str
    held: tuple[HeldAmount, ...]
    payment_id: str | None = None
    opened_at: datetime | None = None
    mismatched: bool = False
    credit_memo_id: str | None = None
    source: str = ""
    legal_entity: str | None = None
    write_off_id: str | None = None
    claimed_back: int = 0


class NumberShared(Struct, frozen=True, kw_only=True):
    """The ledger reported another legal entity's invoice with this number; it has a stream of its own, and what
    disputes hold of it is there now. `first_entity` is the one whose invoice is on this stream."""

    at: datetime
    legal_entity: str
    first_entity: str


class ShortPaymentLeft(Struct, frozen=True, kw_only=True):
    """A short payment for which no dispute was opened, and the reason: nothing is dropped silently."""

    at: datetime
    payment_id: str
    short: int
    explanation: str
    source: str = ""


class NamedDisputeLeft(Struct, frozen=True, kw_only=True):
    """A credit memo named a dispute that it cannot serve, and the reason. It served others, as one that names none."""

    at: datetime
    credit_memo_id: str
    dispute_id: str
    explanation: str


InvoiceEvent = InvoiceRecorded | ReservationSet | NumberShared | ShortPaymentLeft | NamedDisputeLeft


# Stored names and versions. A stored name never changes.
INVOICE_CODEC: Final[Codec[InvoiceEvent]] = Codec(
    {
        "invoice-recorded": (2, InvoiceRecorded),
        "reservation-set": (3, ReservationSet),
        "number-shared": (1, NumberShared),
        "short-payment-left": (2, ShortPaymentLeft),
        "named-dispute-left": (1, NamedDisputeLeft),
    },
    {
        ("invoice-recorded", 1): fields_added,
        ("reservation-set", 1): fields_added,
        ("reservation-set", 2): fields_added,
        ("short-payment-left", 1): fields_added,
    },
)
