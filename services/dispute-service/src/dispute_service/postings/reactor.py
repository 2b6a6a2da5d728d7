"""The effect of the ledger's postings on disputes: who of them gives way, and by how much.

An invoice that becomes known or changes is noted; a payment takes the undisputed part first and then from disputes,
oldest first, and a write-off as a payment does; a credit memo serves the dispute it names, then awaited credits, then
what else is contested; a payment or credit memo that is reversed or taken off the invoice gives back what it took; a
short payment opens a dispute and assigns it by the matrix. A short payment that opens none, and a named dispute that is
not served, leave a reason.

Facts are never refused: whatever they do, afterwards disputes are brought within what the invoice asks for.
"""

from collections.abc import Iterable, Sequence
from typing import assert_never
from uuid import UUID

from dispute_service.disputable_invoices import decisions as invoices
from dispute_service.disputable_invoices.commands import LeaveNamedDispute, LeaveShortPayment
from dispute_service.disputable_invoices.decisions import (
    MAX_DISPUTES,
    Reduction,
    corrected_away,
    no_longer_fits,
    reductions,
)
from dispute_service.disputable_invoices.state import DisputableInvoice, InvoiceTerms, is_same
from dispute_service.disputable_invoices.stream import INVOICE, invoice_stream
from dispute_service.disputes import commands as c
from dispute_service.disputes.document import PREFIX
from dispute_service.disputes.events import ShortPayment
from dispute_service.disputes.handle import handle
from dispute_service.disputes.items import filled
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

NAME = "contested-invoices"  # of the checkpoint, for ever

Commands = list[tuple[UUID, c.DisputeCommand]]


async def prepare(uow: UnitOfWork, events: Sequence[PublishedEvent]) -> None:
    """Load what a batch will need: the invoices, the matrix, and the disputes that contest the invoices."""
    ledger_events = [posting for event in events if (posting := ledger_event(event)) is not None]
    streams = dict.fromkeys(invoice_stream(uow.tenant, posting.invoice.invoice_id) for posting in ledger_events)
    await uow.load_all({**dict.fromkeys(streams, INVOICE), matrix_stream(uow.tenant): MATRIX})
    known = [await uow.state(INVOICE, stream) for stream in streams]
    await uow.load(DISPUTE, {UUID(dispute) for invoice in known for dispute in invoice.contested_by})


async def react(uow: UnitOfWork, event: PublishedEvent) -> None:
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
            await _do(uow, event, [_pay(event, posting, reduction) for reduction in reductions(invoice, is_open)])
        case CreditMemoApplied():
            await _credit(uow, event, posting, stream)
        case WriteOffPosted():
            await _do(uow, event, [_write_off(event, posting, reduction) for reduction in reductions(invoice, is_open)])
        case PaymentReversed() | PaymentUnapplied():
            await _do(uow, event, await _reverse(uow, event, posting, invoice))
            await _note(uow, event, posting, stream)
        case CreditMemoReversed() | CreditMemoUnapplied():
            await _do(uow, event, await _reverse_credit(uow, event, posting, invoice))
            await _note(uow, event, posting, stream)
        case ShortPaymentDetected():
            await _dispute_short_payment(uow, event, posting, invoice)
        case _:
            assert_never(posting)
    await _fit_in(uow, event, posting, stream, before.terms)


async def _do(uow: UnitOfWork, event: PublishedEvent, commands: Commands) -> None:
    now = max(event.time, event.effective_at)
    await uow.load(DISPUTE, [dispute for dispute, _ in commands])
    for dispute, command in commands:
        await handle(uow, dispute, command, now)


async def _note(uow: UnitOfWork, event: PublishedEvent, posting: LedgerEvent, stream: UUID) -> None:
    """Every dispute that contests the invoice is compared with it: what is not this invoice holds nothing of it. What
    the posting itself does to a dispute is still to come, so that the note is of the version before it."""
    contested_by = (await uow.state(INVOICE, stream)).contested_by
    invoice = posting.invoice
    note = c.NoteInvoice(
        at=counts_from(event),
        invoice_id=invoice.invoice_id,
        legal_entity=invoice.legal_entity,
        ledger_version=event.version - 1,
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
    taken = reductions(invoice, posting.invoice.open.money().minor, posting.applied.money().minor, named)
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
    """What the payment took comes back to disputes, as far as the reversed amount goes, the youngest first; and the one
    that it made by being short ends, when nothing of it is left on the invoice."""
    is_gone = posting.left is None or posting.left.money().minor == 0
    made = await _made_by(uow, posting, invoice) if is_gone else []
    payment = (posting.source, posting.payment_id)
    reduced = await _disputes(uow, invoice.disputes_reduced_by(*payment))
    rooms = {key: dispute.paid_by(payment, posting.invoice.invoice_id) for key, dispute in reduced.items()}
    back = dict(zip(rooms, filled(posting.amount.money().minor, list(rooms.values())), strict=True))
    return [
        (
            UUID(dispute_id),
            c.ReversePayment(
                at=counts_from(event),
                payment_id=posting.payment_id,
                source=posting.source,
                invoice_id=posting.invoice.invoice_id,
                ledger_version=event.version,
                amount=back.get(dispute_id, 0),
                unapplied=isinstance(posting, PaymentUnapplied),
                made_it=dispute_id in made,
                clock_from=event.time,
            ),
        )
        for dispute_id in dict.fromkeys([*back, *made])
    ]


async def _disputes(uow: UnitOfWork, dispute_ids: Iterable[str]) -> dict[str, Dispute]:
    """The youngest first: a posting takes from the oldest first, and what it took last comes back first."""
    ids = {each: UUID(each) for each in dispute_ids}
    await uow.load(DISPUTE, ids.values())
    states = {each: await uow.state(DISPUTE, key) for each, key in ids.items()}
    found = {each: state for each, state in states.items() if isinstance(state, Dispute)}
    return dict(sorted(found.items(), key=lambda pair: (pair[1].opened_at, pair[0]), reverse=True))


async def _made_by(
    uow: UnitOfWork, posting: PaymentReversed | PaymentUnapplied, invoice: DisputableInvoice
) -> list[str]:
    """The disputes of the invoice that this payment made, also those that have ended: they may come back with another
    posting. Those of before that was recorded are known by their id."""
    payment = (posting.source, posting.payment_id)
    by_id = str(_short_payment_id(uow.tenant, "", posting.payment_id, posting.invoice.invoice_id))
    made = []
    await uow.load(DISPUTE, map(UUID, invoice.known_to_contest))
    for dispute_id in invoice.known_to_contest:
        dispute = await uow.state(DISPUTE, UUID(dispute_id))
        cause = dispute.short_payment if isinstance(dispute, Dispute) else None
        if dispute_id == by_id if cause is None else is_same((cause.source, cause.payment_id), payment):
            made.append(dispute_id)
    return made


async def _reverse_credit(
    uow: UnitOfWork,
    event: PublishedEvent,
    posting: CreditMemoReversed | CreditMemoUnapplied,
    invoice: DisputableInvoice,
) -> Commands:
    """The same for a credit memo: what had not been granted before what had."""
    memo = (posting.source, posting.credit_memo_id)
    credited = await _disputes(uow, invoice.disputes_credited_by(*memo))
    taken = {key: dispute.credited_by(memo, posting.invoice.invoice_id) for key, dispute in credited.items()}
    rooms = [*(amount - granted for amount, granted in taken.values()), *(granted for _, granted in taken.values())]
    parts = filled(posting.amount.money().minor, rooms)
    return [
        (
            UUID(dispute_id),
            c.ReverseCreditMemo(
                at=counts_from(event),
                credit_memo_id=posting.credit_memo_id,
                invoice_id=posting.invoice.invoice_id,
                ledger_version=event.version,
                amount=amount,
                source=posting.source,
                unapplied=isinstance(posting, CreditMemoUnapplied),
                clock_from=event.time,
            ),
        )
        for place, dispute_id in enumerate(taken)
        if (amount := parts[place] + parts[len(taken) + place])
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
