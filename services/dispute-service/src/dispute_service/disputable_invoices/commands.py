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
    paid: int | None = None


class SetReservation(Struct, frozen=True, kw_only=True):
    """Set all that a dispute of this customer and currency holds from now on, and what it claims back of the paid part.
    An increase that a person wants must fit; one that follows from the ledger (`by_ledger`) is a fact. `legal_entity`
    as in the event."""

    at: datetime
    invoice_id: str
    dispute_id: str
    customer_id: str
    currency: str
    held: tuple[HeldAmount, ...]
    payment_id: str | None = None
    source: str = ""
    opened_at: datetime | None = None
    mismatched: bool = False
    by_ledger: bool = False
    credit_memo_id: str | None = None
    legal_entity: str | None = None
    write_off_id: str | None = None
    claimed_back: int = 0


class LeaveShortPayment(Struct, frozen=True, kw_only=True):
    """Record that a short payment is not taken for a contest, and why."""

    at: datetime
    payment_id: str
    short: int
    explanation: str
    source: str = ""


class LeaveNamedDispute(Struct, frozen=True, kw_only=True):
    """Record that a credit memo does not serve the dispute it names, and why."""

    at: datetime
    credit_memo_id: str
    dispute_id: str
    explanation: str


class ShareNumber(Struct, frozen=True, kw_only=True):
    """Another legal entity's invoice with the number became known."""

    at: datetime
    legal_entity: str
    first_entity: str


InvoiceCommand = RecordInvoice | ShareNumber | SetReservation | LeaveShortPayment | LeaveNamedDispute
