"""Commands to a dispute change it and the invoices it contests in one unit of work."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from uuid import UUID

import msgspec
from msgspec import Struct

from dispute_service.disputable_invoices import decisions as invoices
from dispute_service.disputable_invoices.commands import SetReservation
from dispute_service.disputable_invoices.events import HeldAmount
from dispute_service.disputable_invoices.refusals import AmbiguousInvoice, CustomerMismatch, InvoiceRefusal
from dispute_service.disputable_invoices.stream import INVOICE, invoice_stream, stream_of
from dispute_service.disputes import decisions as disputes
from dispute_service.disputes.commands import (
    AddNote,
    ApplyCreditMemo,
    ApplyPayment,
    ApplyWriteOff,
    AssignTo,
    Close,
    ContestedItem,
    Decide,
    DisputeCommand,
    Escalate,
    HandOverSettlementTask,
    LedgerCommand,
    NoteSettlementOverdue,
    Open,
    RecordInformation,
    RequestInformation,
    Settle,
    SettleClaim,
    TakeSettlementTask,
    Terms,
    Withdraw,
)
from dispute_service.disputes.document import dispute_part, document
from dispute_service.disputes.events import DisputeEvent
from dispute_service.disputes.refusals import NoSuchDispute
from dispute_service.disputes.settlement_terms import SETTLEMENT_TERMS, scopes_of
from dispute_service.disputes.state import Dispute, State, UnopenedDispute
from dispute_service.disputes.stream import DISPUTE
from dispute_service.routing.matrix import for_entity
from dispute_service.routing.stream import MATRIX, matrix_stream
from redress.business_day import business_day
from redress.handling.command import CommandContext
from redress.handling.command_runner import CommandJob
from redress.handling.unit_of_work import UnitOfWork
from redress.legal_entities.state import LegalEntity
from redress.legal_entities.stream import LEGAL_ENTITY, legal_entity_stream
from redress.policy.book import Policies


async def handle(uow: UnitOfWork, dispute: UUID, command: DisputeCommand, now: datetime) -> State:
    """Decide the command, record what follows, and move the reservations of its invoices along.

    Refusals: those of the dispute, and those of an invoice when a person would hold more of it than fits.
    """
    before = await uow.state(DISPUTE, dispute)
    entity = await _entity(uow, command, before)
    policy = for_entity(await uow.state(MATRIX, matrix_stream(uow.tenant)), entity)
    events = disputes.decide(_on_its_day(command, entity), before, policy, now)
    if not events:
        return before
    after = uow.record(DISPUTE, dispute, events, policy=_policies(events))
    changed = _DisputeChange(before, after, events[-1].at, command)
    await _move_reservations(uow, dispute, changed)
    return after


async def _entity(uow: UnitOfWork, command: DisputeCommand, before: State) -> LegalEntity:
    """The legal entity whose days and working hours count. Commands that promise nothing do not ask."""
    if isinstance(command, _WITHOUT_TIME):
        return LEGAL_ENTITY.initial
    whose = command if isinstance(command, Open) else before
    code = whose.legal_entity if isinstance(whose, Open | Dispute) else None
    if code is None:
        return LEGAL_ENTITY.initial
    return await uow.state(LEGAL_ENTITY, legal_entity_stream(uow.tenant, code))


def _on_its_day(command: DisputeCommand, entity: LegalEntity) -> DisputeCommand:
    if isinstance(command, RequestInformation):
        return msgspec.structs.replace(command, today=business_day(command.at, entity.zone))
    return command


_WITHOUT_TIME = (
    AddNote,
    AssignTo,
    Close,
    Decide,
    Escalate,
    HandOverSettlementTask,
    NoteSettlementOverdue,
    RecordInformation,
    Settle,
    TakeSettlementTask,
    Withdraw,
)


# -- the jobs of the API's commands


def opening(context: CommandContext, dispute: UUID, command: Open) -> CommandJob:
    """Open the dispute under a fresh id. The ledger's knowledge of the invoices is filled in here, and the item of an
    invoice that refuses is named."""
    numbers = {item.invoice_id: invoice_stream(context.tenant, item.invoice_id) for item in command.items}
    own = [invoice_stream(context.tenant, each.invoice_id, each.legal_entity) for each in command.items]
    named = {command.legal_entity, *(each.legal_entity for each in command.items)} - {None}
    entities = [legal_entity_stream(context.tenant, code) for code in named if code is not None]

    async def work(uow: UnitOfWork) -> bytes:
        uow.start_new(DISPUTE, dispute)
        try:
            after = await handle(uow, dispute, await _with_what_is_known(uow, command, numbers), context.now)
        except InvoiceRefusal as refusal:
            raise refusal.at(*_place_of(refusal, command)) from None
        return _answer(uow, dispute, after)

    return CommandJob(
        work=work,
        status=201,
        writes=dict.fromkeys([*numbers.values(), *own], INVOICE),
        reads={matrix_stream(context.tenant): MATRIX, **dict.fromkeys(entities, LEGAL_ENTITY)},
    )


def changing(
    context: CommandContext,
    dispute: UUID,
    build: Callable[[Dispute], Awaitable[DisputeCommand]],
    *,
    shown: Callable[[UUID, int, Dispute], bytes] | None = None,
) -> CommandJob:
    """Any other command; `build` makes it for the dispute as it is. It is answered with the dispute's document, or with
    what of it is `shown`."""

    async def work(uow: UnitOfWork) -> bytes:
        state = await uow.state(DISPUTE, dispute)
        if not isinstance(state, Dispute):
            raise NoSuchDispute
        after = await handle(uow, dispute, await build(state), context.now)
        if shown is not None and isinstance(after, Dispute):
            return shown(dispute, uow.version(dispute), after)
        return _answer(uow, dispute, after)

    return CommandJob(
        work=work, writes={dispute: DISPUTE}, reads={matrix_stream(context.tenant): MATRIX}, stream=dispute
    )


def _answer(uow: UnitOfWork, dispute: UUID, after: State) -> bytes:
    """The document as it will be stored, or as it is where nothing was recorded."""
    if not isinstance(after, Dispute):
        raise NoSuchDispute
    recorded = uow.document(dispute)
    if recorded is not None:
        return dispute_part(recorded)
    return msgspec.json.encode(document(dispute, uow.version(dispute), after))


async def _with_what_is_known(uow: UnitOfWork, command: Open, numbers: Mapping[str, UUID]) -> Open:
    """Each item with the entity whose invoice it is, as far as that is said or known. AmbiguousInvoice."""
    said = {item.invoice_id: item.legal_entity for item in command.items if item.legal_entity is not None}
    items: list[ContestedItem] = []
    known_entities: list[str] = []
    for item in command.items:
        number = await uow.state(INVOICE, numbers[item.invoice_id])
        entity = item.legal_entity or said.get(item.invoice_id)
        if entity is None and len(number.entities) > 1:
            raise AmbiguousInvoice(item.invoice_id, number.entities)
        invoice = await uow.state(INVOICE, stream_of(number, uow.tenant, item.invoice_id, entity))
        terms = invoice.terms if invoice.is_of(entity) else None
        if terms is not None:
            entity = terms.legal_entity
            known_entities.append(entity)
        shared = len({*number.entities, entity} - {None}) > 1
        paid = terms is not None and terms.is_paid
        stated = {"known": terms is not None, "legal_entity": entity, "shares_number": shared, "paid": paid}
        items.append(msgspec.structs.replace(item, **stated))
    named = next((item.legal_entity for item in items if item.legal_entity is not None), command.legal_entity)
    return msgspec.structs.replace(
        command, items=tuple(items), legal_entity=known_entities[0] if known_entities else named
    )


def _place_of(refusal: InvoiceRefusal, command: Open) -> tuple[str | int, ...]:
    """The contested item, and the part of it that is wrong."""
    if isinstance(refusal, CustomerMismatch):
        return ("customer_id",)
    for index, item in enumerate(command.items):
        if item.invoice_id == refusal.invoice_id and refusal.line in (None, item.line):
            return ("items", index, *refusal.field)
    return ("items",)


async def terms_for(tenant_id: str, state: State, since: datetime, policies: Policies) -> Terms:
    """By when the ERP is to post what the dispute waits for from that instant on. They are no stream of the unit of
    work: a command that rests on a stream which it does not write is decided twice."""
    scopes = scopes_of(state.customer_id, state.legal_entity) if isinstance(state, Dispute) else ()
    return await policies.in_force(tenant_id, SETTLEMENT_TERMS, since.astimezone(UTC).date(), scopes=scopes)


# -- what follows for the invoices


class _DisputeChange(Struct, frozen=True):
    """A dispute before and after a command, and the command that did it."""

    before: State
    after: State
    at: datetime
    command: DisputeCommand

    @property
    def source(self) -> str:
        """The ERP that numbered the payment, credit memo or write-off."""
        numbered = ApplyPayment | ApplyCreditMemo | ApplyWriteOff | SettleClaim
        return self.command.source if isinstance(self.command, numbered) else ""


def _policies(events: Sequence[DisputeEvent]) -> tuple[str, ...]:
    versions = {routing.policy_version for event in events if (routing := getattr(event, "routing", None)) is not None}
    terms = {promised.policy for event in events if (promised := getattr(event, "settlement", None)) is not None}
    return (*(f"resolution-matrix@{version}" for version in sorted(versions)), *sorted(terms))


def _credit_memo(command: DisputeCommand) -> str | None:
    """The credit memo that changes what a dispute holds or claims."""
    if isinstance(command, ApplyCreditMemo):
        return command.credit_memo_id
    is_one = isinstance(command, SettleClaim) and command.cause == "credit-on-account"
    return command.reference if is_one and isinstance(command, SettleClaim) else None


async def _move_reservations(uow: UnitOfWork, dispute: UUID, change: _DisputeChange) -> None:
    after = change.after
    if isinstance(after, UnopenedDispute):
        return
    old, new = _held_by_invoice(change.before), _held_by_invoice(after)
    changed = [name for name in new if new[name] != old.get(name, _Held())]
    await uow.load(INVOICE, (invoice_stream(uow.tenant, name) for name in changed))
    command = change.command
    entities = {item.invoice_id: item.legal_entity for item in after.items}
    for invoice_id in changed:
        number = await uow.state(INVOICE, invoice_stream(uow.tenant, invoice_id))
        stream = stream_of(number, uow.tenant, invoice_id, entities[invoice_id])
        invoice = await uow.state(INVOICE, stream)
        reserve = SetReservation(
            at=change.at,
            invoice_id=invoice_id,
            dispute_id=str(dispute),
            customer_id=after.customer_id,
            currency=after.currency,
            held=new[invoice_id].amounts,
            claimed_back=new[invoice_id].claimed_back,
            payment_id=command.payment_id if isinstance(command, ApplyPayment) else None,
            credit_memo_id=_credit_memo(command),
            write_off_id=command.write_off_id if isinstance(command, ApplyWriteOff) else None,
            source=change.source,
            opened_at=after.opened_at,
            mismatched=new[invoice_id].mismatched,
            by_ledger=isinstance(command, LedgerCommand),
            legal_entity=entities[invoice_id],
        )
        uow.record(INVOICE, stream, invoices.decide(reserve, invoice))


class _Held(Struct, frozen=True):
    """What a dispute holds of an invoice and claims back of it, and whether it contests something besides that is not
    that invoice."""

    amounts: tuple[HeldAmount, ...] = ()
    mismatched: bool = False
    claimed_back: int = 0


def _held_by_invoice(state: State) -> dict[str, _Held]:
    """For each of its invoices; nothing where it holds nothing any more."""
    if not isinstance(state, Dispute):
        return {}
    held = {item.invoice_id: _Held() for item in state.items}
    for item in state.items:
        here = held[item.invoice_id]
        if item.open and item.mismatch is not None:
            held[item.invoice_id] = _Held(here.amounts, mismatched=True, claimed_back=here.claimed_back)
        elif item.open:
            waits = (item.held_credit, item.awaiting_write_off, item.awaiting_payment)
            amount = (HeldAmount(item.line, item.held, *waits),) if item.held else ()
            claimed = here.claimed_back + item.claimed_back
            held[item.invoice_id] = _Held((*here.amounts, *amount), here.mismatched, claimed)
    return held
