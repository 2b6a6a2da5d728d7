"""The effect of the ledger's postings on disputes.

An invoice that becomes known is noted; a payment takes the undisputed part first and then from disputes, oldest first;
a credit memo serves awaited credits first; a reversed payment gives back what it took; a short payment opens a dispute
and assigns it by the matrix. A short payment that opens none leaves a reason.
"""

from collections.abc import Sequence
from typing import assert_never
from uuid import UUID

import msgspec

from dispute_service.disputable_invoices import decisions as invoices
from dispute_service.disputable_invoices.commands import LeaveShortPayment
from dispute_service.disputable_invoices.decisions import MAX_DISPUTES, Reduction, reductions
from dispute_service.disputable_invoices.state import DisputableInvoice, is_same
from dispute_service.disputable_invoices.stream import INVOICE, invoice_stream
from dispute_service.disputes import commands as c
from dispute_service.disputes.events import ShortPayment
from dispute_service.disputes.handle import handle
from dispute_service.disputes.state import Dispute, UnopenedDispute
from dispute_service.disputes.stream import DISPUTE
from dispute_service.postings.ledger_events import counts_from, invoice_now, ledger_event
from dispute_service.reasons.external import read_reason
from dispute_service.routing.stream import MATRIX, matrix_stream
from redress.contracts.collections_events import (
    CreditMemoApplied,
    DiscountGranted,
    DiscountWithdrawn,
    InvoiceChanged,
    InvoiceRegistered,
    PaymentApplied,
    PaymentReversed,
    ShortPaymentDetected,
)
from redress.contracts.envelope import PublishedEvent
from redress.handling.unit_of_work import UnitOfWork
from redress.ids import derived_uuid
from redress.money import Money

NAME = "contested-invoices"  # of the checkpoint, for ever


async def prepare(uow: UnitOfWork, events: Sequence[PublishedEvent]) -> None:
    """Load what a batch will need: the invoices, the matrix, and the disputes that hold something of the invoices."""
    ledger_events = [posting for event in events if (posting := ledger_event(event)) is not None]
    streams = dict.fromkeys(invoice_stream(uow.tenant, posting.invoice.invoice_id) for posting in ledger_events)
    await uow.load_all({**dict.fromkeys(streams, INVOICE), matrix_stream(uow.tenant): MATRIX})
    known = [await uow.state(INVOICE, stream) for stream in streams]
    await uow.load(DISPUTE, {UUID(held.dispute_id) for invoice in known for held in invoice.reservations})


async def react(uow: UnitOfWork, event: PublishedEvent) -> None:
    """Apply one posting of the ledger. A posting that was applied before does nothing."""
    posting = ledger_event(event)
    if posting is None:
        return
    stream = invoice_stream(uow.tenant, posting.invoice.invoice_id)
    recorded = invoices.decide(invoice_now(event, posting), await uow.state(INVOICE, stream))
    if not recorded:
        return
    invoice = uow.record(INVOICE, stream, recorded)
    contested = await _of_same_currency(uow, invoice)
    is_open = posting.invoice.open.money().minor
    now = max(event.time, event.effective_at)
    commands: list[tuple[UUID, c.DisputeCommand]]
    match posting:
        case InvoiceRegistered() | InvoiceChanged() | DiscountGranted() | DiscountWithdrawn():
            commands = _note(event, posting, invoice, reductions(contested, is_open))
        case PaymentApplied():
            commands = [_pay(event, posting, reduction) for reduction in reductions(contested, is_open)]
        case CreditMemoApplied():
            credit = posting.applied.money().minor
            commands = [_credit(event, posting, reduction) for reduction in reductions(contested, is_open, credit)]
        case PaymentReversed():
            commands = await _reverse(uow, event, posting, invoice)
        case ShortPaymentDetected():
            await _dispute_short_payment(uow, event, posting, invoice)
            return
        case _:
            assert_never(posting)
    await uow.load(DISPUTE, [dispute for dispute, _ in commands])
    for dispute, command in commands:
        await handle(uow, dispute, command, now)


async def _of_same_currency(uow: UnitOfWork, invoice: DisputableInvoice) -> DisputableInvoice:
    """The invoice with the holds a posting can be compared with: a dispute that was opened before the invoice was
    known may turn out to name a wrong currency. Such a hold is left for a person to check."""
    kept = []
    for held in invoice.reservations:
        dispute = await uow.state(DISPUTE, UUID(held.dispute_id))
        if isinstance(dispute, Dispute) and invoice.terms and dispute.currency == invoice.terms.currency:
            kept.append(held)
    return msgspec.structs.replace(invoice, reservations=tuple(kept))


def _note(
    event: PublishedEvent,
    posting: InvoiceRegistered | InvoiceChanged | DiscountGranted | DiscountWithdrawn,
    invoice: DisputableInvoice,
    taken: Sequence[Reduction],
) -> list[tuple[UUID, c.DisputeCommand]]:
    reduce_by = {reduction.dispute_id: reduction.amount for reduction in taken}
    return [
        (
            UUID(held.dispute_id),
            c.NoteInvoice(
                at=counts_from(event),
                invoice_id=posting.invoice.invoice_id,
                legal_entity=posting.invoice.legal_entity,
                ledger_version=event.version,
                reduce_by=reduce_by.get(held.dispute_id, 0),
            ),
        )
        for held in invoice.reservations
    ]


def _pay(event: PublishedEvent, posting: PaymentApplied, reduction: Reduction) -> tuple[UUID, c.DisputeCommand]:
    return UUID(reduction.dispute_id), c.ApplyPayment(
        at=counts_from(event),
        payment_id=posting.payment_id,
        source=posting.source,
        invoice_id=posting.invoice.invoice_id,
        ledger_version=event.version,
        reduce_by=reduction.amount,
    )


def _credit(event: PublishedEvent, posting: CreditMemoApplied, reduction: Reduction) -> tuple[UUID, c.DisputeCommand]:
    return UUID(reduction.dispute_id), c.ApplyCreditMemo(
        at=counts_from(event),
        credit_memo_id=posting.credit_memo_id,
        invoice_id=posting.invoice.invoice_id,
        ledger_version=event.version,
        reduce_by=reduction.amount,
    )


async def _reverse(
    uow: UnitOfWork, event: PublishedEvent, posting: PaymentReversed, invoice: DisputableInvoice
) -> list[tuple[UUID, c.DisputeCommand]]:
    """Every dispute the payment took from is asked for what it took, as far as the reversed amount goes; and the one
    that it made by being short."""
    made = await _made_by(uow, posting, invoice)
    return [
        (
            UUID(dispute_id),
            c.ReversePayment(
                at=counts_from(event),
                payment_id=posting.payment_id,
                source=posting.source,
                invoice_id=posting.invoice.invoice_id,
                ledger_version=event.version,
                amount=posting.amount.money().minor,
                made_it=dispute_id in made,
                clock_from=event.time,
            ),
        )
        for dispute_id in dict.fromkeys([*invoice.disputes_reduced_by(posting.source, posting.payment_id), *made])
    ]


async def _made_by(uow: UnitOfWork, posting: PaymentReversed, invoice: DisputableInvoice) -> list[str]:
    """The disputes of the invoice that this payment made. Those of before that was recorded are known by their id."""
    payment = (posting.source, posting.payment_id)
    by_id = str(_short_payment_id(uow.tenant, "", posting.payment_id, posting.invoice.invoice_id))
    made = []
    for held in invoice.reservations:
        dispute = await uow.state(DISPUTE, UUID(held.dispute_id))
        cause = dispute.short_payment if isinstance(dispute, Dispute) else None
        if held.dispute_id == by_id if cause is None else is_same((cause.source, cause.payment_id), payment):
            made.append(held.dispute_id)
    return made


def _short_payment_id(tenant_id: str, source: str, payment_id: str, invoice_id: str) -> UUID:
    parts = (source, payment_id, invoice_id) if source else (payment_id, invoice_id)
    return derived_uuid("dispute", tenant_id, "short-payment", *parts)


async def _id_for(uow: UnitOfWork, event: PublishedEvent, posting: ShortPaymentDetected) -> UUID:
    """The id of the dispute that a short payment opens: the payment's own, or one of this event where that is taken
    (the payment came back and was applied anew, or the ledger judged it again)."""
    own = _short_payment_id(uow.tenant, posting.source, posting.payment_id, posting.invoice.invoice_id)
    there = await uow.state(DISPUTE, own)
    if isinstance(there, UnopenedDispute):
        return own
    return derived_uuid("dispute", uow.tenant, str(own), event.id)


async def _dispute_short_payment(
    uow: UnitOfWork, event: PublishedEvent, posting: ShortPaymentDetected, invoice: DisputableInvoice
) -> None:
    summary = posting.invoice
    short, free = posting.short.money(), summary.open.money().minor - invoice.reserved
    explanation = None
    if free <= 0:
        explanation = f"Nothing of {short} was taken for a contest: disputes hold all that is open on the invoice."
    elif len(invoice.reservations) >= MAX_DISPUTES:
        explanation = f"{short} was not taken for a contest: the invoice has {MAX_DISPUTES} disputes already."
    if explanation is not None:
        stream = invoice_stream(uow.tenant, summary.invoice_id)
        leave = LeaveShortPayment(
            at=counts_from(event),
            payment_id=posting.payment_id,
            source=posting.source,
            short=short.minor,
            explanation=explanation,
        )
        uow.record(INVOICE, stream, invoices.decide(leave, invoice))
        return
    dispute = await _id_for(uow, event, posting)
    reason = read_reason(posting.remittance_reason)
    amount = Money(min(short.minor, free), short.currency)
    now = max(event.time, event.effective_at)
    commands: tuple[c.DisputeCommand, ...] = (
        c.Open(
            at=counts_from(event),
            customer_id=summary.customer_id,
            items=(c.ContestedItem(invoice_id=summary.invoice_id, line=None, amount=amount, known=True),),
            reason_code=reason.reason_code,
            origin="short_pay",
            legal_entity=summary.legal_entity,
            external_reason=posting.remittance_reason,
            reason_explanation=reason.explanation,
            claim_number=posting.claim_number,
            short_payment=ShortPayment(posting.source, posting.payment_id),
            clock_from=event.time,
        ),
        c.AssignByMatrix(at=counts_from(event)),
    )
    for command in commands:
        await handle(uow, dispute, command, now)
