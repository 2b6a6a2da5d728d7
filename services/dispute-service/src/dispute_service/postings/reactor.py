"""The effect of the ledger's postings on disputes: who of them gives way, and by how much.

An invoice that becomes known or changes is noted; a posting serves what waits for it; a payment takes the undisputed
part first and then from disputes, oldest first, and a write-off as a payment does; a credit memo serves the dispute it
names, then awaited credits, what else is awaited, and what else is contested; a payment, credit memo or write-off that
is reversed or taken off the invoice gives back what it took; a short payment opens a dispute and assigns it by the
matrix. A short payment that opens none, and a named dispute that is not served, leave a reason.

Facts are never refused: whatever they do, afterwards disputes are brought within what the invoice asks for.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import assert_never
from uuid import UUID

from msgspec import structs

from dispute_service.disputable_invoices import decisions as invoices
from dispute_service.disputable_invoices.commands import LeaveNamedDispute, LeaveShortPayment, ShareNumber
from dispute_service.disputable_invoices.decisions import (
    MAX_DISPUTES,
    Reduction,
    corrected_away,
    credited,
    no_longer_fits,
    no_longer_paid,
    paid,
    written_off,
)
from dispute_service.disputable_invoices.state import DisputableInvoice, InvoiceTerms, is_same
from dispute_service.disputable_invoices.stream import INVOICE, invoice_stream, stream_of
from dispute_service.disputes import commands as c
from dispute_service.disputes.document import PREFIX
from dispute_service.disputes.events import ShortPayment
from dispute_service.disputes.handle import handle, terms_for
from dispute_service.disputes.items import filled
from dispute_service.disputes.state import Dispute, State, UnopenedDispute
from dispute_service.disputes.stream import DISPUTE
from dispute_service.postings.ledger_events import (
    Answer,
    LedgerEvent,
    OtherPosting,
    answer,
    counts_from,
    invoice_now,
    ledger_event,
    on_the_entitys_day,
)
from dispute_service.reasons.external import read_reason
from dispute_service.routing.stream import MATRIX, matrix_stream
from redress.contracts.collections_events import (
    CreditMeantFor,
    CreditMemoApplied,
    CreditMemoReversed,
    CreditMemoUnapplied,
    DiscountGranted,
    DiscountWithdrawn,
    InvoiceCancelled,
    InvoiceChanged,
    InvoiceCustomerChanged,
    InvoiceRegistered,
    InvoiceSummary,
    PaymentApplied,
    PaymentReversed,
    PaymentUnapplied,
    ShortPaymentDetected,
    WriteOffPosted,
    WriteOffReversed,
)
from redress.contracts.envelope import PublishedEvent
from redress.handling.unit_of_work import UnitOfWork
from redress.ids import derived_uuid, parse_public_id
from redress.legal_entities.stream import LEGAL_ENTITY, legal_entity_stream
from redress.money import Money
from redress.policy.book import Policies

NAME = "contested-invoices"  # of the checkpoint, for ever

Commands = list[tuple[UUID, c.DisputeCommand]]
AWAITED_ANEW = c.ReversePayment | c.ReverseCreditMemo | c.ReverseWriteOff | c.ReverseAnswer
"""What makes a posting awaited again, by new terms."""


async def prepare(uow: UnitOfWork, events: Sequence[PublishedEvent]) -> None:
    """Load what a batch will need: the invoices, the matrix, and the disputes that contest the invoices."""
    ledger_events = [posting for event in events if (posting := ledger_event(event)) is not None]
    numbers = {invoice_stream(uow.tenant, posting.invoice.invoice_id) for posting in ledger_events}
    streams = dict.fromkeys([*numbers, *(_stream_of(uow, posting) for posting in ledger_events)])
    entities = {legal_entity_stream(uow.tenant, posting.invoice.legal_entity) for posting in ledger_events}
    await uow.load_all(
        {**dict.fromkeys(streams, INVOICE), **dict.fromkeys(entities, LEGAL_ENTITY), matrix_stream(uow.tenant): MATRIX}
    )
    known = [await uow.state(INVOICE, stream) for stream in streams]
    await uow.load(DISPUTE, {UUID(dispute) for invoice in known for dispute in invoice.contested_by})


async def react(uow: UnitOfWork, event: PublishedEvent, policies: Policies | None = None) -> None:
    """Apply one posting of the ledger. A posting that was applied before does nothing."""
    posting = ledger_event(event)
    if posting is None:
        await _answer_claims(uow, event, policies)
        return
    entity = await uow.state(LEGAL_ENTITY, legal_entity_stream(uow.tenant, posting.invoice.legal_entity))
    event = on_the_entitys_day(event, entity.zone)
    stream = _stream_of(uow, posting)
    await _share_number(uow, event, posting, stream)
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
        case InvoiceCustomerChanged() | OtherPosting():  # disputes of who owed it before have been compared with it
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
            await _do(uow, event, await _reverse_credit(uow, event, posting, invoice), policies)
            await _note(uow, event, posting, stream)
        case WriteOffReversed():
            await _do(uow, event, await _reverse_write_off(uow, event, posting, invoice), policies)
            await _note(uow, event, posting, stream)
        case ShortPaymentDetected():
            await _dispute_short_payment(uow, event, posting, invoice)
        case _:
            assert_never(posting)
    await _fit_in(uow, event, posting, stream, before.terms)


def _stream_of(uow: UnitOfWork, posting: LedgerEvent) -> UUID:
    """The ledger says which entity's invoice was the first with a number: it has the number's own stream."""
    invoice = posting.invoice
    own_entity = None if invoice.first_entity is None else invoice.legal_entity
    return invoice_stream(uow.tenant, invoice.invoice_id, own_entity)


async def _share_number(uow: UnitOfWork, event: PublishedEvent, posting: LedgerEvent, stream: UUID) -> None:
    """Another entity's invoice with the number: what disputes hold of it goes to its stream."""
    invoice = posting.invoice
    if invoice.first_entity is None:
        return
    number = invoice_stream(uow.tenant, invoice.invoice_id)
    await uow.load(INVOICE, [number, stream])
    first = await uow.state(INVOICE, number)
    command = ShareNumber(at=counts_from(event), legal_entity=invoice.legal_entity, first_entity=invoice.first_entity)
    uow.record(INVOICE, stream, invoices.brought_along(command, first))
    uow.record(INVOICE, number, invoices.decide(command, first))


async def _do(uow: UnitOfWork, event: PublishedEvent, commands: Commands, policies: Policies | None = None) -> None:
    """`policies` say by when what is awaited again is to be posted; without them, the built-in terms."""
    now = max(event.time, event.effective_at)
    await uow.load(DISPUTE, [dispute for dispute, _ in commands])
    for dispute, command in commands:
        if policies is not None and isinstance(command, AWAITED_ANEW):
            terms = await terms_for(uow.tenant, await uow.state(DISPUTE, dispute), event.time, policies)
            await handle(uow, dispute, structs.replace(command, terms=terms), now)
        else:
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
        shares_number=invoice.first_entity is not None,
    )
    await _do(uow, event, [(UUID(dispute), note) for dispute in contested_by])


async def _fit_in(
    uow: UnitOfWork, event: PublishedEvent, posting: LedgerEvent, stream: UUID, before: InvoiceTerms | None
) -> None:
    unpaid = no_longer_paid(await uow.state(INVOICE, stream))
    await _do(uow, event, [_hold_claim(event, posting, reduction) for reduction in unpaid])
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
        under_protest=posting.under_protest,
    )


def _hold_claim(event: PublishedEvent, posting: LedgerEvent, reduction: Reduction) -> tuple[UUID, c.DisputeCommand]:
    return UUID(reduction.dispute_id), c.HoldClaim(
        at=counts_from(event),
        invoice_id=posting.invoice.invoice_id,
        ledger_version=event.version,
        amount=reduction.amount,
    )


async def _answer_claims(uow: UnitOfWork, event: PublishedEvent, policies: Policies | None) -> None:
    """A refund or credit on account goes to the dispute that it names; what names an invoice only, to the disputes that
    claim back of it: what was granted first, then the oldest. Nothing for any other event."""
    answered = answer(event)
    if answered is None:
        return
    if answered.gone is not None:
        await _reverse_answers(uow, event, answered, answered.gone, policies)
        return
    named: Counter[str] = Counter()
    for meant in answered.meant_for:
        if meant.dispute_id is not None:
            named[meant.dispute_id] += meant.amount.money().minor
        elif meant.invoice_id is not None:
            stream = invoice_stream(uow.tenant, meant.invoice_id, meant.legal_entity)
            await _answer_of_invoice(uow, event, answered, stream, meant)
    for dispute_id, amount in named.items():
        try:
            dispute = parse_public_id(PREFIX, dispute_id)
        except ValueError:
            continue
        known = await uow.state(DISPUTE, dispute)
        if isinstance(known, Dispute):
            await _do(uow, event, [(dispute, _settle(event, answered, amount))])


async def _answer_of_invoice(
    uow: UnitOfWork, event: PublishedEvent, answered: Answer, stream: UUID, meant: CreditMeantFor
) -> None:
    invoice, invoice_id = await uow.state(INVOICE, stream), meant.invoice_id or ""
    claims = {claim.dispute_id: claim.amount for claim in invoice.claims}
    await uow.load(DISPUTE, [UUID(dispute_id) for dispute_id in claims])
    granted = {dispute_id: await _granted(uow, UUID(dispute_id), invoice_id) for dispute_id in claims}
    rooms = [*granted.values(), *(claims[each] - granted[each] for each in claims)]
    parts = filled(meant.amount.money().minor, rooms)
    for place, dispute_id in enumerate(claims):
        part = parts[place] + parts[len(claims) + place]
        if part:
            await _do(uow, event, [(UUID(dispute_id), _settle(event, answered, part, invoice_id))])


async def _reverse_answers(
    uow: UnitOfWork, event: PublishedEvent, answered: Answer, amount: int, policies: Policies | None
) -> None:
    """A credit on account that was cancelled goes back from the disputes that it answered. What claims back more than
    is paid by now holds again."""
    invoices: list[tuple[str, UUID]] = []
    disputes: list[UUID] = []
    for meant in answered.meant_for:
        if meant.dispute_id is not None:
            with suppress(ValueError):
                disputes.append(parse_public_id(PREFIX, meant.dispute_id))
        elif meant.invoice_id is not None:
            invoice = await uow.state(INVOICE, invoice_stream(uow.tenant, meant.invoice_id, meant.legal_entity))
            disputes += map(UUID, invoice.disputes_credited_by(answered.source, answered.reference))
    for dispute in dict.fromkeys(disputes):
        before = await uow.state(DISPUTE, dispute)
        if not isinstance(before, Dispute):
            continue
        command = c.ReverseAnswer(
            at=counts_from(event),
            reference=answered.reference,
            source=answered.source,
            amount=amount,
            clock_from=event.time,
        )
        await _do(uow, event, [(dispute, command)], policies)
        after = await uow.state(DISPUTE, dispute)
        amount -= _credited(before) - _credited(after)
        for item in before.items:
            number = await uow.state(INVOICE, invoice_stream(uow.tenant, item.invoice_id))
            invoices.append((item.invoice_id, stream_of(number, uow.tenant, item.invoice_id, item.legal_entity)))
    for invoice_id, stream in dict.fromkeys(invoices):
        await _hold_unpaid_claims(uow, event, invoice_id, stream)


async def _hold_unpaid_claims(uow: UnitOfWork, event: PublishedEvent, invoice_id: str, stream: UUID) -> None:
    invoice = await uow.state(INVOICE, stream)
    if invoice.terms is None:
        return
    at, version = counts_from(event), invoice.terms.ledger_version
    hold = [
        (UUID(one.dispute_id), c.HoldClaim(at=at, invoice_id=invoice_id, ledger_version=version, amount=one.amount))
        for one in no_longer_paid(invoice)
    ]
    await _do(uow, event, list(hold))
    fit = [
        (
            UUID(one.dispute_id),
            c.FitToInvoice(at=at, invoice_id=invoice_id, ledger_version=version, reduce_by=one.amount, line=one.line),
        )
        for one in no_longer_fits(await uow.state(INVOICE, stream), None)
    ]
    await _do(uow, event, list(fit))


def _credited(dispute: State) -> int:
    return sum(item.credited for item in dispute.items) if isinstance(dispute, Dispute) else 0


async def _granted(uow: UnitOfWork, dispute_id: UUID, invoice_id: str) -> int:
    """What of its claim on the invoice was granted."""
    dispute = await uow.state(DISPUTE, dispute_id)
    items = dispute.items if isinstance(dispute, Dispute) else ()
    return sum(item.claimed_credit for item in items if item.invoice_id == invoice_id)


def _settle(event: PublishedEvent, answered: Answer, amount: int, invoice_id: str | None = None) -> c.SettleClaim:
    return c.SettleClaim(
        at=counts_from(event),
        cause=answered.cause,
        reference=answered.reference,
        source=answered.source,
        amount=amount,
        invoice_id=invoice_id,
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
        source=posting.source,
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
    by_id = str(_short_payment_id(uow.tenant, "", posting.payment_id, posting.invoice))
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


async def _reverse_write_off(
    uow: UnitOfWork, event: PublishedEvent, posting: WriteOffReversed, invoice: DisputableInvoice
) -> Commands:
    """The same for a write-off."""
    write_off = (posting.source, posting.write_off_id)
    taken_from = await _disputes(uow, invoice.disputes_written_off_by(*write_off))
    rooms = [dispute.written_off_by(write_off, posting.invoice.invoice_id) for dispute in taken_from.values()]
    return [
        (
            UUID(dispute_id),
            c.ReverseWriteOff(
                at=counts_from(event),
                write_off_id=posting.write_off_id,
                invoice_id=posting.invoice.invoice_id,
                ledger_version=event.version,
                amount=amount,
                source=posting.source,
                clock_from=event.time,
            ),
        )
        for dispute_id, amount in zip(taken_from, filled(posting.amount.money().minor, rooms), strict=True)
        if amount
    ]


def _short_payment_id(tenant_id: str, source: str, payment_id: str, invoice: InvoiceSummary) -> UUID:
    named = (payment_id, invoice.invoice_id)
    own_entity = () if invoice.first_entity is None else ("of", invoice.legal_entity)
    return derived_uuid("dispute", tenant_id, "short-payment", *((source, *named) if source else named), *own_entity)


async def _id_for(uow: UnitOfWork, event: PublishedEvent, posting: ShortPaymentDetected) -> UUID:
    """The id of the dispute that a short payment opens: the payment's own, or one of this event where that is taken
    (the payment came back and was applied anew, or the ledger judged it again)."""
    own = _short_payment_id(uow.tenant, posting.source, posting.payment_id, posting.invoice)
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
        stream = _stream_of(uow, posting)
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
    number = await uow.state(INVOICE, invoice_stream(uow.tenant, summary.invoice_id))
    item = c.ContestedItem(
        invoice_id=summary.invoice_id,
        line=None,
        amount=amount,
        known=True,
        legal_entity=summary.legal_entity,
        shares_number=len(number.entities) > 1,
    )
    now = max(event.time, event.effective_at)
    commands: tuple[c.DisputeCommand, ...] = (
        c.Open(
            at=counts_from(event),
            customer_id=summary.customer_id,
            items=(item,),
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
