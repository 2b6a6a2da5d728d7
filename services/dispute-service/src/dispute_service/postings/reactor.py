"""The effect of the ledger's postings on disputes: who of them gives way, and by how much.

An invoice that becomes known or changes is noted; a posting serves what waits for it; a payment takes the undisputed
part first and then from disputes, oldest first, and a write-off as a payment does; a credit memo serves the dispute it
names, then awaited credits, what else is awaited, and what else is contested; a payment or credit memo that is reversed
or taken off the invoice gives back what it took; a short payment opens a dispute and assigns it by the matrix. A short
payment that opens none, and a named dispute that is not served, leave a reason.

Facts are never refused: whatever they do, afterwards disputes are brought within what the invoice asks for.
"""

from collections.abc import Iterable, Sequence
from typing import assert_never
from uuid import UUID

from msgspec import structs

from dispute_service.disputable_invoices import decisions as invoices
from dispute_service.disputable_invoices.commands import LeaveNamedDispute, LeaveShortPayment
from dispute_service.disputable_invoices.decisions import (
    MAX_DISPUTES,
    Reduction,
    corrected_away,
    credited,
    no_longer_fits,
    paid,
    written_off,
)
from dispute_service.disputable_invoices.state import DisputableInvoice, InvoiceTerms, is_same
from dispute_service.disputable_invoices.stream import INVOICE, invoice_stream
from dispute_service.disputes import commands as c
from dispute_service.disputes.document import PREFIX
from dispute_service.disputes.events import ShortPayment
from dispute_service.disputes.handle import handle, terms_for
from dispute_service.disputes.state import Dispute, UnopenedDispute
from dispute_service.disputes.stream import DISPUTE
from dispute_service.postings.ledger_events import LedgerEvent, OtherPosting, counts_from, invoice_now, ledger_event
from dispute_service.reasons.external import read_reason
from dispute_service.routing.stream import MATRIX, matrix_stream
from redress.contracts.collections_events import (
    CreditMemoApplied,
    CreditMemoReversed,
    CreditMemoUnapplied,
    DiscountGranted,
    DiscountWithdrawn,
    InvoiceCancelled,
    InvoiceChanged,
    InvoiceRegistered,
    PaymentApplied,
    PaymentReversed,
    PaymentUnapplied,
    ShortPaymentDetected,
    WriteOffPosted,
)
from redress.contracts.envelope import PublishedEvent
from redress.handling.unit_of_work import UnitOfWork
from redress.ids import derived_uuid, parse_public_id
from redress.money import Money
from redress.policy.book import Policies

NAME = "contested-invoices"  # of the checkpoint, for ever

Commands = list[tuple[UUID, c.DisputeCommand]]


async def prepare(uow: UnitOfWork, events: Sequence[PublishedEvent]) -> None:
    """Load what a batch will need: the invoices, the matrix, and the disputes that contest the invoices."""
    ledger_events = [posting for event in events if (posting := ledger_event(event)) is not None]
    streams = dict.fromkeys(invoice_stream(uow.tenant, posting.invoice.invoice_id) for posting in ledger_events)
    await uow.load_all({**dict.fromkeys(streams, INVOICE), matrix_stream(uow.tenant): MATRIX})
    known = [await uow.state(INVOICE, stream) for stream in streams]
    await uow.load(DISPUTE, {UUID(dispute) for invoice in known for dispute in invoice.contested_by})


async def react(uow: UnitOfWork, event: PublishedEvent, policies: Policies | None = None) -> None:
    """Apply one posting of the ledger. A posting that was applied before does nothing."""
    posting = ledger_event(event)
    if posting is None:
        return
    stream = invoice_stream(uow.tenant, posting.invoice.invoice_id)
    before = await uow.state(INVOICE, stream)
    recorded = invoices.decide(invoice_now(event, posting), before)
    if not recorded:
        return
    invoice = uow.record(INVOICE, stream, recorded)
    await _do(uow, event, _fit(event, posting, corrected_away(invoice, before.terms)))
    await _note(uow, event, posting, stream)
    invoice = await uow.state(INVOICE, stream)
    is_open = posting.invoice.open.money().minor
    match posting:
        case InvoiceRegistered() | InvoiceChanged() | InvoiceCancelled() | DiscountGranted() | DiscountWithdrawn():
            pass  # nothing but to fit in
        case OtherPosting():
            pass
        case PaymentApplied():
            taken = paid(invoice, is_open, posting.applied.money().minor)
            await _do(uow, event, [_pay(event, posting, reduction) for reduction in taken])
        case CreditMemoApplied():
            await _credit(uow, event, posting, stream)
        case WriteOffPosted():
            taken = written_off(invoice, is_open, posting.amount.money().minor)
            await _do(uow, event, [_write_off(event, posting, reduction) for reduction in taken])
        case PaymentReversed() | PaymentUnapplied():
            await _do(uow, event, await _reverse(uow, event, posting, invoice), policies)
            await _note(uow, event, posting, stream)
        case CreditMemoReversed() | CreditMemoUnapplied():
            await _do(uow, event, _reverse_credit(event, posting, invoice), policies)
            await _note(uow, event, posting, stream)
        case ShortPaymentDetected():
            await _dispute_short_payment(uow, event, posting, invoice)
        case _:
            assert_never(posting)
    await _fit_in(uow, event, posting, stream, before.terms)


async def _do(uow: UnitOfWork, event: PublishedEvent, commands: Commands, policies: Policies | None = None) -> None:
    """`policies` say by when what is awaited again is to be posted; without them, the built-in terms."""
    now = max(event.time, event.effective_at)
    await uow.load(DISPUTE, [dispute for dispute, _ in commands])
    for dispute, command in commands:
        if policies is not None and isinstance(command, c.ReversePayment | c.ReverseCreditMemo):
            terms = await terms_for(uow.tenant, await uow.state(DISPUTE, dispute), event.time, policies)
            await handle(uow, dispute, structs.replace(command, terms=terms), now)
        else:
            await handle(uow, dispute, command, now)


async def _note(uow: UnitOfWork, event: PublishedEvent, posting: LedgerEvent, stream: UUID) -> None:
    """Every dispute that contests the invoice is compared with it: what is not this invoice holds nothing of it."""
    contested_by = (await uow.state(INVOICE, stream)).contested_by
    invoice = posting.invoice
    note = c.NoteInvoice(
        at=counts_from(event),
        invoice_id=invoice.invoice_id,
        legal_entity=invoice.legal_entity,
        ledger_version=event.version,
        customer_id=invoice.customer_id,
        currency=invoice.currency,
        lines=tuple(line.line for line in invoice.lines),
    )
    await _do(uow, event, [(UUID(dispute), note) for dispute in contested_by])


async def _fit_in(
    uow: UnitOfWork, event: PublishedEvent, posting: LedgerEvent, stream: UUID, before: InvoiceTerms | None
) -> None:
    found = no_longer_fits(await uow.state(INVOICE, stream), before)
    await _do(uow, event, _fit(event, posting, found))


def _fit(event: PublishedEvent, posting: LedgerEvent, found: Iterable[Reduction]) -> Commands:
    return [
        (
            UUID(reduction.dispute_id),
            c.FitToInvoice(
                at=counts_from(event),
                invoice_id=posting.invoice.invoice_id,
                ledger_version=event.version,
                reduce_by=reduction.amount,
                line=reduction.line,
            ),
        )
        for reduction in found
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


async def _credit(uow: UnitOfWork, event: PublishedEvent, posting: CreditMemoApplied, stream: UUID) -> None:
    invoice = await uow.state(INVOICE, stream)
    named = None if posting.dispute_id is None else await _named(uow, event, posting, stream)
    taken = credited(invoice, posting.invoice.open.money().minor, posting.applied.money().minor, named)
    commands: Commands = [
        (
            UUID(reduction.dispute_id),
            c.ApplyCreditMemo(
                at=counts_from(event),
                credit_memo_id=posting.credit_memo_id,
                source=posting.source,
                invoice_id=posting.invoice.invoice_id,
                ledger_version=event.version,
                reduce_by=reduction.amount,
            ),
        )
        for reduction in taken
    ]
    await _do(uow, event, commands)


async def _named(uow: UnitOfWork, event: PublishedEvent, posting: CreditMemoApplied, stream: UUID) -> str | None:
    """The dispute that the credit memo names, if it holds something of the invoice; else the reason is recorded."""
    name, invoice_id = posting.dispute_id or "", posting.invoice.invoice_id
    invoice = await uow.state(INVOICE, stream)
    try:
        dispute = parse_public_id(PREFIX, name)
    except ValueError:
        explanation = f"{name[:60]!r} is no dispute."
    else:
        if invoice.of(str(dispute)) is not None:
            return str(dispute)
        known = await uow.state(DISPUTE, dispute)
        if isinstance(known, UnopenedDispute):
            explanation = f"There is no dispute {name}."
        elif invoice_id not in {item.invoice_id for item in known.items}:
            explanation = f"Dispute {name} does not contest invoice {invoice_id}."
        else:
            explanation = f"Dispute {name} holds nothing of invoice {invoice_id} any more."
    leave = LeaveNamedDispute(
        at=counts_from(event), credit_memo_id=posting.credit_memo_id, dispute_id=name, explanation=explanation
    )
    uow.record(INVOICE, stream, invoices.decide(leave, invoice))
    return None


def _write_off(event: PublishedEvent, posting: WriteOffPosted, reduction: Reduction) -> tuple[UUID, c.DisputeCommand]:
    return UUID(reduction.dispute_id), c.ApplyWriteOff(
        at=counts_from(event),
        write_off_id=posting.write_off_id,
        kind=posting.kind,
        invoice_id=posting.invoice.invoice_id,
        ledger_version=event.version,
        reduce_by=reduction.amount,
    )


async def _reverse(
    uow: UnitOfWork, event: PublishedEvent, posting: PaymentReversed | PaymentUnapplied, invoice: DisputableInvoice
) -> Commands:
    """Every dispute the payment took from is asked for what it took, as far as the reversed amount goes; and the one
    that it made by being short, when nothing of it is left on the invoice."""
    is_gone = posting.left is None or posting.left.money().minor == 0
    made = await _made_by(uow, posting, invoice) if is_gone else []
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
                unapplied=isinstance(posting, PaymentUnapplied),
                made_it=dispute_id in made,
                clock_from=event.time,
            ),
        )
        for dispute_id in dict.fromkeys([*invoice.disputes_reduced_by(posting.source, posting.payment_id), *made])
    ]


async def _made_by(
    uow: UnitOfWork, posting: PaymentReversed | PaymentUnapplied, invoice: DisputableInvoice
) -> list[str]:
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


def _reverse_credit(
    event: PublishedEvent, posting: CreditMemoReversed | CreditMemoUnapplied, invoice: DisputableInvoice
) -> Commands:
    """The same for a credit memo."""
    return [
        (
            UUID(dispute_id),
            c.ReverseCreditMemo(
                at=counts_from(event),
                credit_memo_id=posting.credit_memo_id,
                invoice_id=posting.invoice.invoice_id,
                ledger_version=event.version,
                amount=posting.amount.money().minor,
                source=posting.source,
                unapplied=isinstance(posting, CreditMemoUnapplied),
                clock_from=event.time,
            ),
        )
        for dispute_id in invoice.disputes_credited_by(posting.source, posting.credit_memo_id)
    ]


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
