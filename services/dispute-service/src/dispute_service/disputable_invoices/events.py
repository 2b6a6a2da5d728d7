"""The events of an invoice that concern disputes. Amounts are minor units of its currency."""

from datetime import datetime
from typing import Any, Final

from msgspec import Struct

from redress.codec import Codec


class KnownLine(Struct, frozen=True):
    """A line and what it was billed at, as the ERP posted it (tax may stand outside the lines)."""

    line: str
    amount: int


class InvoiceRecorded(Struct, frozen=True, kw_only=True):
    """The ledger reported the invoice after one of its postings. `ledger_version` counts those."""

    at: datetime
    ledger_version: int
    customer_id: str
    legal_entity: str
    currency: str
    total: int
    open: int
    lines: tuple[KnownLine, ...] = ()


class HeldAmount(Struct, frozen=True):
    """One dispute's hold on a line (`line` None: on the invoice as a whole). `awaiting_credit` is part of it."""

    line: str | None
    amount: int
    awaiting_credit: int = 0


class ReservationSet(Struct, frozen=True, kw_only=True):
    """The amounts that a dispute holds of the invoice from now on; empty when it holds nothing. `payment_id` is the
    payment that changed them, `source` its ERP: when it is reversed, its amount is taken back from this dispute."""

    at: datetime
    dispute_id: str
    held: tuple[HeldAmount, ...]
    payment_id: str | None = None
    source: str = ""


class ShortPaymentLeft(Struct, frozen=True, kw_only=True):
    """A short payment for which no dispute was opened, and the reason: nothing is dropped silently."""

    at: datetime
    payment_id: str
    short: int
    explanation: str
    source: str = ""


def _fields_added(stored: dict[str, Any]) -> dict[str, Any]:
    """Version 2 only has more fields, with defaults."""
    return stored


InvoiceEvent = InvoiceRecorded | ReservationSet | ShortPaymentLeft

# Stored names and versions. A stored name never changes.
INVOICE_CODEC: Final[Codec[InvoiceEvent]] = Codec(
    {
        "invoice-recorded": (1, InvoiceRecorded),
        "reservation-set": (2, ReservationSet),
        "short-payment-left": (2, ShortPaymentLeft),
    },
    {("reservation-set", 1): _fields_added, ("short-payment-left", 1): _fields_added},
)
