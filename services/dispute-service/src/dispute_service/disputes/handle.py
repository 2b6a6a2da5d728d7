"""Commands to a dispute change it and the invoices it contests in one unit of work."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from uuid import UUID

import msgspec
from msgspec import Struct

from dispute_service.disputable_invoices import decisions as invoices
from dispute_service.disputable_invoices.commands import SetReservation
from dispute_service.disputable_invoices.events import HeldAmount
from dispute_service.disputable_invoices.refusals import CustomerMismatch, InvoiceRefusal
from dispute_service.disputable_invoices.state import InvoiceTerms
from dispute_service.disputable_invoices.stream import INVOICE, invoice_stream
from dispute_service.disputes import decisions as disputes
from dispute_service.disputes.commands import (
    ApplyCreditMemo,
    ApplyPayment,
    DisputeCommand,
    LedgerCommand,
    Open,
    Terms,
)
from dispute_service.disputes.document import dispute_part, document
from dispute_service.disputes.events import DisputeEvent
from dispute_service.disputes.refusals import NoSuchDispute
from dispute_service.disputes.settlement_terms import SETTLEMENT_TERMS, scopes_of
from dispute_service.disputes.state import Dispute, State, UnopenedDispute
from dispute_service.disputes.stream import DISPUTE
from dispute_service.routing.stream import MATRIX, matrix_stream
from redress.handling.command import CommandContext
from redress.handling.command_runner import CommandJob
from redress.handling.unit_of_work import UnitOfWork
from redress.policy.book import Policies


async def handle(uow: UnitOfWork, dispute: UUID, command: DisputeCommand, now: datetime) -> State:
    """Decide the command, record what follows, and move the reservations of its invoices along.

    Refusals: those of the dispute, and those of an invoice when a person would hold more of it than fits.
    """
    before = await uow.state(DISPUTE, dispute)
    events = disputes.decide(command, before, await uow.state(MATRIX, matrix_stream(uow.tenant)), now)
    if not events:
        return before
    after = uow.record(DISPUTE, dispute, events, policy=_policies(events))
    changed = _DisputeChange(before, after, events[-1].at, command)
    await _move_reservations(uow, dispute, changed)
    return after


# -- the jobs of the API's commands


def opening(context: CommandContext, dispute: UUID, command: Open) -> CommandJob:
    """Open the dispute under a fresh id. The ledger's knowledge of the invoices is filled in here, and the item of an
    invoice that refuses is named."""
    streams = {item.invoice_id: invoice_stream(context.tenant, item.invoice_id) for item in command.items}

    async def work(uow: UnitOfWork) -> bytes:
        uow.start_new(DISPUTE, dispute)
        terms = {name: (await uow.state(INVOICE, stream)).terms for name, stream in streams.items()}
        try:
            after = await handle(uow, dispute, _with_what_is_known(command, terms), context.now)
        except InvoiceRefusal as refusal:
            raise refusal.at(*_place_of(refusal, command)) from None
        return _answer(uow, dispute, after)

    return CommandJob(
        work=work,
        status=201,
        writes=dict.fromkeys(streams.values(), INVOICE),
        reads={matrix_stream(context.tenant): MATRIX},
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


def _with_what_is_known(command: Open, terms: Mapping[str, InvoiceTerms | None]) -> Open:
    entities = [known.legal_entity for known in terms.values() if known is not None]
    return msgspec.structs.replace(
        command,
        items=tuple(msgspec.structs.replace(item, known=terms[item.invoice_id] is not None) for item in command.items),
        legal_entity=entities[0] if entities else command.legal_entity,
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
        """The ERP that numbered the payment or credit memo."""
        return self.command.source if isinstance(self.command, ApplyPayment | ApplyCreditMemo) else ""


def _policies(events: Sequence[DisputeEvent]) -> tuple[str, ...]:
    versions = {routing.policy_version for event in events if (routing := getattr(event, "routing", None)) is not None}
    terms = {promised.policy for event in events if (promised := getattr(event, "settlement", None)) is not None}
    return (*(f"resolution-matrix@{version}" for version in sorted(versions)), *sorted(terms))


async def _move_reservations(uow: UnitOfWork, dispute: UUID, change: _DisputeChange) -> None:
    after = change.after
    if isinstance(after, UnopenedDispute):
        return
    old, new = _held_by_invoice(change.before), _held_by_invoice(after)
    changed = {name: invoice_stream(uow.tenant, name) for name in new if new[name] != old.get(name, _Held())}
    await uow.load(INVOICE, changed.values())
    command = change.command
    for invoice_id, stream in changed.items():
        reserve = SetReservation(
            at=change.at,
            invoice_id=invoice_id,
            dispute_id=str(dispute),
            customer_id=after.customer_id,
            currency=after.currency,
            held=new[invoice_id].amounts,
            payment_id=command.payment_id if isinstance(command, ApplyPayment) else None,
            credit_memo_id=command.credit_memo_id if isinstance(command, ApplyCreditMemo) else None,
            source=change.source,
            opened_at=after.opened_at,
            mismatched=new[invoice_id].mismatched,
            by_ledger=isinstance(command, LedgerCommand),
        )
        uow.record(INVOICE, stream, invoices.decide(reserve, await uow.state(INVOICE, stream)))


class _Held(Struct, frozen=True):
    """What a dispute holds of an invoice, and whether it contests something besides that is not that invoice."""

    amounts: tuple[HeldAmount, ...] = ()
    mismatched: bool = False


def _held_by_invoice(state: State) -> dict[str, _Held]:
    """For each of its invoices; nothing where it holds nothing any more."""
    if not isinstance(state, Dispute):
        return {}
    held = {item.invoice_id: _Held() for item in state.items}
    for item in state.items:
        here = held[item.invoice_id]
        if item.open and item.mismatch is not None:
            held[item.invoice_id] = _Held(here.amounts, mismatched=True)
        elif item.open:
            amount = HeldAmount(
                item.line, item.open, item.awaiting_credit, item.awaiting_write_off, item.awaiting_payment
            )
            held[item.invoice_id] = _Held((*here.amounts, amount), here.mismatched)
    return held
