"""Commands to a dispute: what they do to it and to the invoices it contests, in one unit of work."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from uuid import UUID

import msgspec
from msgspec import Struct

from dispute_service.corridor.runner import Answered, Commanded, CommandRunner, Job, Touched, must_be_at
from dispute_service.corridor.unit import Unit
from dispute_service.disputable_invoices import decisions as invoices
from dispute_service.disputable_invoices.commands import SetReservation
from dispute_service.disputable_invoices.events import Held
from dispute_service.disputable_invoices.state import Facts
from dispute_service.disputable_invoices.stream import INVOICE, invoice_stream
from dispute_service.disputes import decisions as disputes
from dispute_service.disputes.commands import ApplyPayment, DisputeCommand, Open
from dispute_service.disputes.document import document, shown_in
from dispute_service.disputes.events import DisputeEvent
from dispute_service.disputes.refusals import NoSuchDispute
from dispute_service.disputes.state import Dispute, NotOpened, State
from dispute_service.disputes.stream import DISPUTE
from dispute_service.routing.stream import MATRIX, matrix_stream
from redress.eventlog.events import Meta

BuildCommand = Callable[[Dispute], Awaitable[DisputeCommand]]


async def open_dispute(runner: CommandRunner, commanded: Commanded, dispute: UUID, command: Open) -> Answered:
    """Open the dispute under a fresh id. What the ledger knows of the invoices is filled in here."""
    matrix = matrix_stream(commanded.tenant)
    invoices_by_name = {item.invoice_id: invoice_stream(commanded.tenant, item.invoice_id) for item in command.items}
    streams: Touched = {matrix: MATRIX, **dict.fromkeys(invoices_by_name.values(), INVOICE)}

    async def work(unit: Unit) -> bytes:
        unit.begin(DISPUTE, dispute)
        facts = {name: (await unit.state(INVOICE, stream)).facts for name, stream in invoices_by_name.items()}
        return await _answer(unit, commanded, dispute, _with_what_is_known(command, facts))

    job = Job(status=201, streams=streams, work=work, read_only=frozenset({matrix}))
    return await runner.answer(commanded, job)


async def command_dispute(runner: CommandRunner, commanded: Commanded, dispute: UUID, build: BuildCommand) -> Answered:
    """Any other command to a dispute; `build` makes it for the dispute as it is."""
    matrix = matrix_stream(commanded.tenant)

    async def work(unit: Unit) -> bytes:
        state = await unit.state(DISPUTE, dispute)
        if not isinstance(state, Dispute):
            raise NoSuchDispute
        must_be_at(unit.version(dispute), commanded)
        return await _answer(unit, commanded, dispute, await build(state))

    streams: Touched = {dispute: DISPUTE, matrix: MATRIX}
    job = Job(status=200, streams=streams, work=work, stream=dispute, read_only=frozenset({matrix}))
    return await runner.answer(commanded, job)


def _with_what_is_known(command: Open, facts: Mapping[str, Facts | None]) -> Open:
    entities = [known.legal_entity for known in facts.values() if known is not None]
    return msgspec.structs.replace(
        command,
        items=tuple(msgspec.structs.replace(item, known=facts[item.invoice_id] is not None) for item in command.items),
        legal_entity=entities[0] if entities else command.legal_entity,
    )


async def _answer(unit: Unit, commanded: Commanded, dispute: UUID, command: DisputeCommand) -> bytes:
    after = await change_dispute(unit, commanded.tenant, dispute, command, now=commanded.now, meta=commanded.meta)
    if not isinstance(after, Dispute):
        raise NoSuchDispute
    current = unit.current(dispute)
    if current is not None:
        return shown_in(current)
    return msgspec.json.encode(document(dispute, unit.version(dispute), after))


async def change_dispute(
    unit: Unit, tenant_id: str, dispute: UUID, command: DisputeCommand, *, now: datetime, meta: Meta
) -> State:
    """Decide the command, record what follows, and move the reservations of its invoices along.

    Refusals: those of the dispute, and those of an invoice when more would be held of it than fits.
    """
    before = await unit.state(DISPUTE, dispute)
    policy = await unit.state(MATRIX, matrix_stream(tenant_id))
    events = disputes.decide(command, before, policy, now)
    if not events:
        return before
    after = unit.record(DISPUTE, dispute, events, msgspec.structs.replace(meta, policy=_policies(events)))
    changed = _Changed(before, after, events[-1].at, command.payment_id if isinstance(command, ApplyPayment) else None)
    await _move_reservations(unit, tenant_id, dispute, changed, meta)
    return after


class _Changed(Struct, frozen=True):
    """A dispute before and after a command, and the payment that did it, if one did."""

    before: State
    after: State
    at: datetime
    payment_id: str | None


def _policies(events: Sequence[DisputeEvent]) -> tuple[str, ...]:
    versions = {routing.policy_version for event in events if (routing := getattr(event, "routing", None)) is not None}
    return tuple(f"resolution-matrix@{version}" for version in sorted(versions))


async def _move_reservations(unit: Unit, tenant_id: str, dispute: UUID, change: _Changed, meta: Meta) -> None:
    after = change.after
    if isinstance(after, NotOpened):
        return
    old, new = held_by_invoice(change.before), held_by_invoice(after)
    changed = [invoice_id for invoice_id in new if new[invoice_id] != old.get(invoice_id, ())]
    await unit.load(INVOICE, [invoice_stream(tenant_id, invoice_id) for invoice_id in changed])
    for invoice_id in changed:
        stream = invoice_stream(tenant_id, invoice_id)
        reserve = SetReservation(
            at=change.at,
            invoice_id=invoice_id,
            dispute_id=str(dispute),
            customer_id=after.customer_id,
            currency=after.currency,
            held=new[invoice_id],
            payment_id=change.payment_id,
        )
        unit.record(INVOICE, stream, invoices.decide(reserve, await unit.state(INVOICE, stream), change.at), meta)


def held_by_invoice(state: State) -> dict[str, tuple[Held, ...]]:
    """What the dispute holds of each of its invoices; empty where it has let go."""
    if not isinstance(state, Dispute):
        return {}
    held: dict[str, tuple[Held, ...]] = {item.invoice_id: () for item in state.items}
    for item in state.items:
        if item.open:
            held[item.invoice_id] += (Held(item.line, item.open, item.awaiting_credit),)
    return held
