"""Both services' rules side by side, without I/O, as the walk speaks to them."""

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any
from uuid import UUID

from support.side_by_side import TENANT, SideBySide

from collections_service.dispute_holds import reactor as dispute_holds
from collections_service.erp.translation import effective_at
from collections_service.open_items.recovery_tasks import decide as decide_task
from collections_service.open_items.refusals import OpenItemRefusal
from collections_service.open_items.state import OpenItem
from collections_service.open_items.stream import INVOICE
from collections_service.postings.commands import LedgerCommand
from dispute_service.disputable_invoices.refusals import InvoiceRefusal
from dispute_service.disputable_invoices.state import DisputableInvoice
from dispute_service.disputable_invoices.stream import INVOICE as DISPUTABLE_INVOICE
from dispute_service.disputes import commands as c
from dispute_service.disputes.handle import handle, opening
from dispute_service.disputes.refusals import DisputeRefusal
from dispute_service.postings import reactor as postings
from redress.contracts.envelope import PublishedEvent
from redress.eventlog.events import Actor, Meta
from redress.handling.unit_of_work import Cause, UnitOfWork
from walk import identity
from walk.operations import OnTask


class Cores(SideBySide):
    """The rules of both services, told and asked as the walk calls things."""

    def erp(self, message: LedgerCommand) -> bool:
        return self._post(identity.told(message), effective_at(message).date())

    def item(self, invoice_id: str = "I") -> OpenItem:
        return self.ledger.state(self.stream(invoice_id), INVOICE.initial)

    def stream(self, invoice_id: str) -> UUID:
        """Where the ledger has the invoice, or will have it."""
        number, own = identity.ledger_streams(TENANT, invoice_id)
        return number if identity.is_first(self.ledger.state(number, INVOICE.initial), invoice_id) else own

    def disputable(self, invoice_id: str = "I") -> DisputableInvoice:
        number, own = identity.disputable_streams(TENANT, invoice_id)
        first = self.disputes.state(number, DISPUTABLE_INVOICE.initial)
        entity = identity.number_and_entity(invoice_id)[1]
        is_own = identity.SHARED and first.terms is not None and first.terms.legal_entity != entity
        return self.disputes.state(own, DISPUTABLE_INVOICE.initial) if is_own else first

    def open(self, dispute: UUID, command: c.Open) -> bool:
        context: Any = SimpleNamespace(tenant=TENANT, now=self.now)
        job = opening(context, dispute, identity.told_by_person(command))

        async def work(uow: UnitOfWork) -> None:
            await job.work(uow)

        try:
            self.disputes.do(work, self.now, self.now)
        except (DisputeRefusal, InvoiceRefusal):
            return False
        return True

    def person(self, dispute: UUID, command: c.DisputeCommand) -> bool:
        try:
            self.disputes.do(lambda uow: handle(uow, dispute, command, self.now), self.now, self.now)
        except (DisputeRefusal, InvoiceRefusal):
            return False
        return True

    def hear_together(self, side: str, events: Sequence[PublishedEvent]) -> None:
        """As one batch of a reactor: all of it is recorded together."""
        target, feature = (self.disputes, postings) if side == "ledger" else (self.ledger, dispute_holds)

        async def work(uow: UnitOfWork) -> None:
            await feature.prepare(uow, events)
            for event in events:
                meta = Meta(actor=Actor("system", "test"), command_id=event.id, correlation_id="c")
                uow.cause = Cause(meta, event.effective_at)
                await feature.react(uow, event)

        target.do(work, self.now, events[0].effective_at)

    def on_task(self, asked: OnTask) -> bool:
        stream = self.stream(asked.invoice_id)

        async def work(uow: UnitOfWork) -> None:
            item = await uow.state(INVOICE, stream)
            uow.record(INVOICE, stream, decide_task(asked.command, item))

        try:
            self.ledger.do(work, self.now, self.now)
        except OpenItemRefusal:
            return False
        return True
