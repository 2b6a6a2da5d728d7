"""Both services side by side, with legal entities that use one invoice number."""

from datetime import timedelta
from uuid import UUID

from support.side_by_side import MONDAY, TENANT, SideBySide, eur

from collections_service.open_items.commands import RegisterInvoice
from collections_service.open_items.state import OpenItem
from collections_service.open_items.stream import INVOICE as LEDGER_INVOICE
from collections_service.open_items.stream import invoice_stream as ledger_stream
from collections_service.receipts.commands import NamedInvoice, PostCreditMemo, ReceivePayment
from dispute_service.disputable_invoices.state import DisputableInvoice
from dispute_service.disputable_invoices.stream import INVOICE as DISPUTABLE_INVOICE
from dispute_service.disputable_invoices.stream import invoice_stream as disputable_stream
from dispute_service.disputes import commands as c
from dispute_service.disputes.handle import opening
from dispute_service.disputes.state import Dispute
from redress.eventlog.events import Actor
from redress.handling.command import CommandContext
from redress.ids import derived_uuid, public_id

NUMBER = "4711"


class TwoEntities(SideBySide):
    """DE01 and DE02 post invoices with number 4711."""

    def post(self, entity: str, total: int = 100_000, number: str = NUMBER) -> None:
        day = MONDAY.date() - timedelta(days=20)
        command = RegisterInvoice(
            invoice_id=number,
            source="erp",
            legal_entity=entity,
            customer_id="C-1",
            issued_on=day,
            due_on=day + timedelta(days=14),
            total=eur(total),
        )
        assert self._post(command, day)

    def receive(self, payment_id: str, amount: int, entity: str, *, in_full: bool | None = None) -> None:
        part = NamedInvoice(NUMBER, eur(amount), settles_in_full=in_full, legal_entity=entity)
        command = ReceivePayment(
            source="erp",
            payment_id=payment_id,
            customer_id="C-1",
            received_on=self.now.date(),
            amount=eur(amount),
            allocations=(part,),
        )
        assert self._post(command, self.now.date())

    def memo(self, number: str, amount: int, entity: str) -> None:
        command = PostCreditMemo(
            source="erp",
            credit_memo_id=number,
            legal_entity=entity,
            customer_id="C-1",
            issued_on=self.now.date(),
            total=eur(amount),
            allocations=(NamedInvoice(NUMBER, eur(amount), legal_entity=entity),),
        )
        assert self._post(command, self.now.date())

    def contest(self, name: str, *items: tuple[str, str | None, int]) -> Dispute:
        """A person opens a dispute: number, entity or None, amount of each item."""
        self._tick()
        dispute = derived_uuid("side-by-side", name)
        command = c.Open(
            at=self.now,
            customer_id="C-1",
            items=tuple(
                c.ContestedItem(invoice_id=number, line=None, amount=eur(minor), known=False, legal_entity=entity)
                for number, entity, minor in items
            ),
            reason_code="PRICE",
            origin="email",
        )
        context = CommandContext(
            tenant=TENANT, actor=Actor("person", "x"), key=name, fingerprint=b"", command_id=name, correlation_id="c",
            now=self.now,
        )  # fmt: skip
        job = opening(context, dispute, command)
        self.disputes.do(job.work, self.now, self.now)
        self.opened[name] = dispute
        return self.of(name)

    def ledger_of(self, entity: str | None = None) -> OpenItem:
        return self.ledger.state(ledger_stream(TENANT, NUMBER, entity), LEDGER_INVOICE.initial)

    def disputable_of(self, entity: str | None = None) -> DisputableInvoice:
        return self.disputes.state(disputable_stream(TENANT, NUMBER, entity), DISPUTABLE_INVOICE.initial)

    def holds(self, entity: str | None = None) -> dict[str, int]:
        """What each dispute holds of the invoice on the number's stream, or on the entity's own: one answer."""
        names = {self.dispute_id(name): name for name in self.opened}
        ledger = {claim.dispute_id: claim.held_now for claim in self.ledger_of(entity).claims if claim.held_now}
        reserved = {_public(one.dispute_id): one.amount for one in self.disputable_of(entity).reservations}
        assert ledger == reserved
        return {names.get(dispute_id, "short payment"): minor for dispute_id, minor in ledger.items()}


def _public(dispute_id: str) -> str:
    return public_id("dsp", UUID(dispute_id))
