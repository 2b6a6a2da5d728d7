"""What postings of the ledger do to disputes.

An invoice that becomes known is noted; a payment takes the undisputed part first and then from disputes, oldest first;
a credit memo serves awaited credits first; a reversed payment gives back what it took; a short payment opens a dispute
and assigns it by the matrix. A short payment that opens none leaves a reason.
"""

from collections.abc import Sequence
from typing import assert_never
from uuid import UUID

import msgspec

from dispute_service.command_handling.changes import change_dispute
from dispute_service.command_handling.unit import Unit
from dispute_service.disputable_invoices import decisions as invoices
from dispute_service.disputable_invoices.commands import LeaveShortPayment
from dispute_service.disputable_invoices.decisions import MAX_DISPUTES, Reduction, reductions
from dispute_service.disputable_invoices.state import DisputableInvoice
from dispute_service.disputes import commands as c
from dispute_service.disputes.state import Dispute, NotOpened
from dispute_service.event_log.streams import DISPUTE, INVOICE, MATRIX, invoice_stream, matrix_stream, read_on
from dispute_service.inbox.collections import LedgerFact, invoice_now, read
from dispute_service.policies.external_reasons import read_reason
from redress.contracts.collections_events import (
    CreditMemoApplied,
    InvoiceChanged,
    InvoiceRegistered,
    PaymentApplied,
    PaymentReversed,
    ShortPaymentDetected,
)
from redress.contracts.envelope import Published
from redress.eventlog.events import Actor, Meta
from redress.eventlog.log import VersionConflict
from redress.eventlog.portions import portions
from redress.eventlog.postgres import PostgresEventLog
from redress.ids import derived_uuid
from redress.money import Money
from redress.projections.projection import Connection

ATTEMPTS = 5  # a person's command may come between reading and appending; five in a row do not


class ContestedInvoices:
    """Reacts to collections-service. All that a batch does is appended together."""

    name = "contested-invoices"
    reactor = True

    def __init__(self, log: PostgresEventLog) -> None:
        self._log = log

    async def apply(self, connection: Connection, events: Sequence[Published]) -> None:
        for tenant_id in dict.fromkeys(event.tenant for event in events):
            of_tenant = [event for event in events if event.tenant == tenant_id]
            for attempt in range(1, ATTEMPTS + 1):
                try:
                    async with connection.transaction():
                        await self._apply(connection, tenant_id, of_tenant)
                        break
                except VersionConflict:
                    if attempt == ATTEMPTS:
                        raise

    async def _apply(self, connection: Connection, tenant_id: str, events: Sequence[Published]) -> None:
        unit = Unit(read_on(connection, tenant_id))
        facts = [(event, fact) for event in events if (fact := read(event)) is not None]
        streams = [invoice_stream(tenant_id, fact.invoice.invoice_id) for _, fact in facts]
        await unit.load(INVOICE, streams)
        await unit.load(MATRIX, [matrix_stream(tenant_id)])
        known = [await unit.state(INVOICE, stream) for stream in dict.fromkeys(streams)]
        await unit.load(DISPUTE, {UUID(held.dispute_id) for invoice in known for held in invoice.reservations})
        for event, fact in facts:
            await take(unit, tenant_id, event, fact)
        for writes in portions(unit.writes()):
            await self._log.append_on(connection, tenant_id, writes)


async def take(unit: Unit, tenant_id: str, event: Published, fact: LedgerFact) -> None:
    """What one fact of the ledger does. A fact that was taken before does nothing."""
    meta = Meta(
        actor=Actor("system", ContestedInvoices.name),
        command_id=str(derived_uuid(ContestedInvoices.name, event.id)),
        correlation_id=event.correlation_id,
        causation_id=event.id,
        traceparent=event.traceparent,
    )
    stream = invoice_stream(tenant_id, fact.invoice.invoice_id)
    recorded = invoices.decide(invoice_now(event, fact), await unit.state(INVOICE, stream), event.time)
    if not recorded:
        return
    invoice = unit.record(INVOICE, stream, recorded, meta)
    contested = await _of_same_currency(unit, invoice)
    is_open = fact.invoice.open.money().minor
    now = max(event.time, event.effective_at)
    commands: list[tuple[UUID, c.DisputeCommand]]
    match fact:
        case InvoiceRegistered() | InvoiceChanged():
            commands = _note(event, fact, invoice, reductions(contested, is_open))
        case PaymentApplied():
            commands = [_pay(event, fact, reduction) for reduction in reductions(contested, is_open)]
        case CreditMemoApplied():
            credit = fact.applied.money().minor
            commands = [_credit(event, fact, reduction) for reduction in reductions(contested, is_open, credit)]
        case PaymentReversed():
            commands = _reverse(event, fact, invoice)
        case ShortPaymentDetected():
            await _dispute_short_payment(unit, tenant_id, event, fact, invoice, meta)
            return
        case _:
            assert_never(fact)
    await unit.load(DISPUTE, [dispute for dispute, _ in commands])
    for dispute, command in commands:
        await change_dispute(unit, tenant_id, dispute, command, now=now, meta=meta)


async def _of_same_currency(unit: Unit, invoice: DisputableInvoice) -> DisputableInvoice:
    """The invoice with the holds a posting can be compared with: a dispute that was opened before the invoice was
    known may turn out to name a wrong currency. Such a hold is left alone for a person to look at."""
    kept = []
    for held in invoice.reservations:
        dispute = await unit.state(DISPUTE, UUID(held.dispute_id))
        if isinstance(dispute, Dispute) and invoice.facts and dispute.currency == invoice.facts.currency:
            kept.append(held)
    return msgspec.structs.replace(invoice, reservations=tuple(kept))


def _note(
    event: Published,
    fact: InvoiceRegistered | InvoiceChanged,
    invoice: DisputableInvoice,
    taken: Sequence[Reduction],
) -> list[tuple[UUID, c.DisputeCommand]]:
    reduce_by = {reduction.dispute_id: reduction.amount for reduction in taken}
    return [
        (
            UUID(held.dispute_id),
            c.NoteInvoice(
                at=event.effective_at,
                invoice_id=fact.invoice.invoice_id,
                legal_entity=fact.invoice.legal_entity,
                ledger_version=event.version,
                reduce_by=reduce_by.get(held.dispute_id, 0),
            ),
        )
        for held in invoice.reservations
    ]


def _pay(event: Published, fact: PaymentApplied, reduction: Reduction) -> tuple[UUID, c.DisputeCommand]:
    return UUID(reduction.dispute_id), c.ApplyPayment(
        at=event.effective_at,
        payment_id=fact.payment_id,
        invoice_id=fact.invoice.invoice_id,
        ledger_version=event.version,
        reduce_by=reduction.amount,
    )


def _credit(event: Published, fact: CreditMemoApplied, reduction: Reduction) -> tuple[UUID, c.DisputeCommand]:
    return UUID(reduction.dispute_id), c.ApplyCreditMemo(
        at=event.effective_at,
        credit_memo_id=fact.credit_memo_id,
        invoice_id=fact.invoice.invoice_id,
        ledger_version=event.version,
        reduce_by=reduction.amount,
    )


def _reverse(
    event: Published, fact: PaymentReversed, invoice: DisputableInvoice
) -> list[tuple[UUID, c.DisputeCommand]]:
    """Every dispute the payment took from is asked for what it took, as far as the reversed amount goes."""
    return [
        (
            UUID(dispute_id),
            c.ReversePayment(
                at=event.effective_at,
                payment_id=fact.payment_id,
                invoice_id=fact.invoice.invoice_id,
                ledger_version=event.version,
                amount=fact.amount.money().minor,
            ),
        )
        for dispute_id in invoice.disputes_reduced_by(fact.payment_id)
    ]


async def _dispute_short_payment(  # noqa: PLR0917
    unit: Unit, tenant_id: str, event: Published, fact: ShortPaymentDetected, invoice: DisputableInvoice, meta: Meta
) -> None:
    summary = fact.invoice
    short, free = fact.short.money(), summary.open.money().minor - invoice.reserved
    dispute = derived_uuid("dispute", tenant_id, "short-payment", fact.payment_id, summary.invoice_id)
    explanation = None
    if free <= 0:
        explanation = f"Nothing of {short} was taken for a contest: disputes hold all that is open on the invoice."
    elif len(invoice.reservations) >= MAX_DISPUTES:
        explanation = f"{short} was not taken for a contest: the invoice has {MAX_DISPUTES} disputes already."
    if explanation is not None:
        stream = invoice_stream(tenant_id, summary.invoice_id)
        leave = LeaveShortPayment(
            at=event.effective_at, payment_id=fact.payment_id, short=short.minor, explanation=explanation
        )
        unit.record(INVOICE, stream, invoices.decide(leave, invoice, event.time), meta)
        return
    there = await unit.state(DISPUTE, dispute)
    if not isinstance(there, NotOpened):
        return
    reason = read_reason(fact.remittance_reason)
    amount = Money(min(short.minor, free), short.currency)
    now = max(event.time, event.effective_at)
    commands: tuple[c.DisputeCommand, ...] = (
        c.Open(
            at=event.effective_at,
            customer_id=summary.customer_id,
            items=(c.ContestedItem(invoice_id=summary.invoice_id, line=None, amount=amount, known=True),),
            reason_code=reason.reason_code,
            origin="short_pay",
            legal_entity=summary.legal_entity,
            external_reason=fact.remittance_reason,
            reason_explanation=reason.explanation,
        ),
        c.AssignByMatrix(at=event.effective_at),
    )
    for command in commands:
        await change_dispute(unit, tenant_id, dispute, command, now=now, meta=meta)
