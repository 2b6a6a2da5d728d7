"""Keeps the holds of every invoice as dispute-service says.

What dispute-service says is a fact and is never refused. A dispute of an invoice that is not registered yet is recorded
on the invoice's stream and holds as soon as the invoice arrives.
"""

from collections.abc import Sequence
from typing import Final

from collections_service.dispute_holds.reports import reports
from collections_service.open_items.decisions import report_dispute
from collections_service.open_items.stream import INVOICE, invoice_stream
from redress.contracts.envelope import PublishedEvent
from redress.handling.unit_of_work import UnitOfWork

NAME: Final = "holds"


async def prepare(uow: UnitOfWork, events: Sequence[PublishedEvent]) -> None:
    """Read the invoices of a whole batch at once."""
    await uow.load(
        INVOICE, (invoice_stream(uow.tenant, invoice_id) for event in events for invoice_id in reports(event))
    )


async def react(uow: UnitOfWork, event: PublishedEvent) -> None:
    for invoice_id, report in reports(event).items():
        stream = invoice_stream(uow.tenant, invoice_id)
        item = await uow.state(INVOICE, stream)
        uow.record(INVOICE, stream, report_dispute(report, item))
