"""Keeps the holds of every invoice as dispute-service says.

What dispute-service says is a fact and is never refused. A dispute of an invoice that is not registered yet is recorded
on the invoice's stream and holds as soon as the invoice arrives.
"""

from collections.abc import Sequence
from typing import Final

from collections_service.dispute_holds.reports import counted_in, entity_of, reports
from collections_service.open_items.decisions import report_dispute
from collections_service.open_items.finding import disputed_stream, load_numbers
from collections_service.open_items.state import OpenItem
from collections_service.open_items.stream import INVOICE
from redress.business_day import DEFAULT_ZONE
from redress.contracts.envelope import PublishedEvent
from redress.handling.unit_of_work import UnitOfWork
from redress.legal_entities.stream import LEGAL_ENTITY, legal_entity_stream

NAME: Final = "holds"


async def prepare(uow: UnitOfWork, events: Sequence[PublishedEvent]) -> None:
    """Read the invoices of a whole batch at once."""
    await load_numbers(uow, (invoice_id for event in events for invoice_id in reports(event)))


async def react(uow: UnitOfWork, event: PublishedEvent) -> None:
    for invoice_id, report in reports(event).items():
        stream = await disputed_stream(uow, invoice_id, report.legal_entity)
        item = await uow.state(INVOICE, stream)
        counted = counted_in(await _zone(uow, item, event), report, event)
        uow.record(INVOICE, stream, report_dispute(counted, item))


async def _zone(uow: UnitOfWork, item: OpenItem, event: PublishedEvent) -> str:
    """Of the invoice's legal entity; of the one the dispute names where the invoice is not known yet."""
    entity = entity_of(event) if item.terms is None else item.terms.legal_entity
    if entity is None:
        return DEFAULT_ZONE
    return (await uow.state(LEGAL_ENTITY, legal_entity_stream(uow.tenant, entity))).zone
