"""The decider of a disputable invoice, and the id of its stream."""

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


def invoice_stream(tenant_id: str, invoice_id: str, own_entity: str | None = None) -> UUID:
    """The stream of a number, which the first invoice with it has; or that of another entity's invoice with it."""
    if own_entity is None:
        return derived_uuid("disputable-invoice", tenant_id, invoice_id)
    return derived_uuid("disputable-invoice-of", tenant_id, own_entity, invoice_id)


def stream_of(number: DisputableInvoice, tenant_id: str, invoice_id: str, legal_entity: str | None) -> UUID:
    """The stream of an entity's invoice; `number` is the number's own. Until the ledger reports it, it is that one."""
    return invoice_stream(tenant_id, invoice_id, legal_entity if legal_entity in number.shared_with else None)
