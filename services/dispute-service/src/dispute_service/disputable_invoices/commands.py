"""The commands to an invoice, from the ledger and from disputes."""

from datetime import datetime

from msgspec import Struct

from dispute_service.disputable_invoices.events import HeldAmount, KnownLine


class RecordInvoice(Struct, frozen=True, kw_only=True):
    """A posting of the ledger. It is never refused; one older than the recorded one changes nothing."""

    at: datetime
    ledger_version: int
    customer_id: str
    legal_entity: str
    currency: str
    total: int
    open: int
    lines: tuple[KnownLine, ...] = ()


class SetReservation(Struct, frozen=True, kw_only=True):
    """Set all that a dispute of this customer and currency holds from now on. An increase must fit."""

    at: datetime
    invoice_id: str
    dispute_id: str
    customer_id: str
    currency: str
    held: tuple[HeldAmount, ...]
    payment_id: str | None = None
    source: str = ""


class LeaveShortPayment(Struct, frozen=True, kw_only=True):
    """Record that a short payment is not taken for a contest, and why."""

    at: datetime
    payment_id: str
    short: int
    explanation: str
    source: str = ""


InvoiceCommand = RecordInvoice | SetReservation | LeaveShortPayment
