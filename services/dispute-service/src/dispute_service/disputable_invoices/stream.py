"""A disputable invoice as the log keeps it, and the id of its stream. A stored name never changes."""

from typing import Final
from uuid import UUID

from dispute_service.disputable_invoices import events as e
from dispute_service.disputable_invoices.state import INITIAL, DisputableInvoice, evolve
from redress.decider import Decider
from redress.ids import derived_uuid

INVOICE: Final[Decider[DisputableInvoice, e.InvoiceEvent]] = Decider(
    stream_type="disputable-invoice",
    initial=INITIAL,
    evolve=evolve,
    codec=e.INVOICE_CODEC,
    dated=True,
)


def invoice_stream(tenant_id: str, invoice_id: str) -> UUID:
    """The same invoice number always gives the same stream."""
    return derived_uuid("disputable-invoice", tenant_id, invoice_id)
