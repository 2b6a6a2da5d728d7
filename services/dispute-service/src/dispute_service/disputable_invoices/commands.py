"""What the ledger and the disputes wish of an invoice."""

from datetime import datetime

from msgspec import Struct

from dispute_service.disputable_invoices.events import HeldAmount, KnownLine


class RecordInvoice(Struct, frozen=True, kw_only=True):
    """A fact of the ledger: never refused, and an older one than we have changes nothing."""

    at: datetime
    ledger_version: int
    customer_id: str
    legal_entity: str
    currency: str
    total: int
    open: int
    lines: tuple[KnownLine, ...] = ()


class SetReservation(Struct, frozen=True, kw_only=True):
    """What a dispute of this customer and currency shall hold from now on, all of it. More than before must fit."""

    at: datetime
    invoice_id: str
    dispute_id: str
    customer_id: str
    currency: str
    held: tuple[HeldAmount, ...]
    payment_id: str | None = None


class LeaveShortPayment(Struct, frozen=True, kw_only=True):
    """Record that a short payment is not taken for a contest, and why."""

    at: datetime
    payment_id: str
    short: int
    explanation: str


InvoiceCommand = RecordInvoice | SetReservation | LeaveShortPayment
