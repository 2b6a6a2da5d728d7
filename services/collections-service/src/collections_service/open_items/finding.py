"""The stream of the invoice that a message or a dispute names."""

from collections.abc import Iterable
from uuid import UUID

from msgspec import Struct

from collections_service.open_items.identity import disputed_entity, own_entity
from collections_service.open_items.state import OpenItem
from collections_service.open_items.stream import INVOICE, invoice_stream
from redress.handling.unit_of_work import UnitOfWork


class FoundInvoice(Struct, frozen=True):
    """`own_entity` None: it is the first invoice with its number, or nobody's yet."""

    stream: UUID
    own_entity: str | None


async def find_invoice(uow: UnitOfWork, invoice_id: str, legal_entity: str | None) -> FoundInvoice:
    """By the number's own stream, whose append would fail if another command had changed the answer. The invoice's
    stream is loaded. AmbiguousInvoice."""
    first = await first_with(uow, invoice_id)
    own = own_entity(first, invoice_id, legal_entity)
    stream = invoice_stream(uow.tenant, invoice_id, own)
    await uow.load(INVOICE, [stream])
    return FoundInvoice(stream, own)


async def first_with(uow: UnitOfWork, invoice_id: str) -> OpenItem:
    """The invoice on the number's own stream."""
    return await uow.state(INVOICE, invoice_stream(uow.tenant, invoice_id))


async def load_numbers(uow: UnitOfWork, invoice_ids: Iterable[str]) -> None:
    """Read the streams of many numbers at once."""
    await uow.load(INVOICE, {invoice_stream(uow.tenant, invoice_id) for invoice_id in invoice_ids})


async def disputed_stream(uow: UnitOfWork, invoice_id: str, legal_entity: str | None) -> UUID:
    """The stream of the invoice that a dispute means with the number and the entity that it names."""
    return invoice_stream(uow.tenant, invoice_id, disputed_entity(await first_with(uow, invoice_id), legal_entity))
