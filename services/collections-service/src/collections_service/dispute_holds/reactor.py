"""Keeps the holds of every invoice as dispute-service says.

What dispute-service says is a fact and is never refused. A dispute of an invoice that is not registered yet is recorded
on the invoice's stream and holds as soon as the invoice arrives.
"""

from collections.abc import Sequence
from typing import Final

from collections_service.dispute_holds.reports import reports
from collections_service.open_items.commands import ReportDispute
from collections_service.open_items.decisions import report_dispute
from collections_service.open_items.finding import first_with, load_numbers
from collections_service.open_items.identity import disputed_entity
from collections_service.open_items.stream import INVOICE, invoice_stream
from redress.contracts.envelope import PublishedEvent
from redress.handling.unit_of_work import UnitOfWork

NAME: Final = "holds"


async def prepare(uow: UnitOfWork, events: Sequence[PublishedEvent]) -> None:
    """Read the invoices of a whole batch at once."""
    await load_numbers(uow, (invoice_id for event in events for invoice_id in reports(event)))


async def react(uow: UnitOfWork, event: PublishedEvent) -> None:
    for invoice_id, report in reports(event).items():
        await take(uow, invoice_id, report)


async def take(uow: UnitOfWork, invoice_id: str, report: ReportDispute) -> None:
    """Record what a dispute says about the invoice with this number, of the entity that it names."""
    own_entity = disputed_entity(await first_with(uow, invoice_id), report.legal_entity)
    stream = invoice_stream(uow.tenant, invoice_id, own_entity)
    item = await uow.state(INVOICE, stream)
    uow.record(INVOICE, stream, report_dispute(report, item))
