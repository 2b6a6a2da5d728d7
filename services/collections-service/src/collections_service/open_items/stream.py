"""An invoice in the log: its decider and the id of its stream."""

from typing import Final
from uuid import UUID

from collections_service.open_items.document import invoice_document
from collections_service.open_items.events import OPEN_ITEM_CODEC, OpenItemEvent
from collections_service.open_items.state import OpenItem, evolve
from redress.decider import Decider
from redress.ids import derived_uuid

INVOICE: Final[Decider[OpenItem, OpenItemEvent]] = Decider(
    stream_type="invoice",
    initial=OpenItem(),
    evolve=evolve,
    codec=OPEN_ITEM_CODEC,
    document=invoice_document,
)


def invoice_stream(tenant_id: str, invoice_id: str, own_entity: str | None = None) -> UUID:
    """The stream of a number, which the first invoice with it has; or that of another entity's invoice with it
    (`open_items/identity.py`). Which ERP posted it does not matter."""
    if own_entity is None:
        return derived_uuid("invoice", tenant_id, invoice_id)
    return derived_uuid("invoice-of", tenant_id, own_entity, invoice_id)
