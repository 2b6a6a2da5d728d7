"""How much of an invoice disputes may hold, and which disputes a posting reduces: the one place that answers it.

The sum of what disputes hold never exceeds what is open, on the invoice and on each line (business rule: domain.md
§7.5, invariant 2). People are refused what does not fit. What the ledger did is a fact: afterwards disputes are brought
within what is there. The oldest dispute gives way first, by the time it was opened.
"""

from collections.abc import Iterable
from typing import assert_never

from msgspec import Struct

from dispute_service.disputable_invoices.commands import (
    InvoiceCommand,
    LeaveNamedDispute,
    LeaveShortPayment,
    RecordInvoice,
    SetReservation,
    ShareNumber,
)
from dispute_service.disputable_invoices.events import (
    HeldAmount,
    InvoiceEvent,
    InvoiceRecorded,
    NamedDisputeLeft,
    NumberShared,
    ReservationSet,
    ShortPaymentLeft,
)
from dispute_service.disputable_invoices.refusals import (
    AlreadyDisputed,
    CurrencyMismatch,
    CustomerMismatch,
    ExceedsOpenAmount,
    ExceedsPaidAmount,
    TooManyDisputes,
    UnknownLine,
)
from dispute_service.disputable_invoices.state import DisputableInvoice, InvoiceTerms, Reservation
from redress.money import Money

MAX_DISPUTES = 15  # all disputes of an invoice are changed by one posting


def decide(command: InvoiceCommand, state: DisputableInvoice) -> list[InvoiceEvent]:
    match command:
        case RecordInvoice():
            return _record(command, state)
        case SetReservation():
            return _reserve(command, state)
        case ShareNumber():
            return _share(command, state)
        case LeaveShortPayment():
            return _leave_short_payment(command, state)
        case LeaveNamedDispute():
            return [
                NamedDisputeLeft(
                    at=command.at,
                    credit_memo_id=command.credit_memo_id,
                    dispute_id=command.dispute_id,
                    explanation=command.explanation,
                )
            ]
    assert_never(command)


def _record(command: RecordInvoice, state: DisputableInvoice) -> list[InvoiceEvent]:
    if state.terms is not None and command.ledger_version <= state.terms.ledger_version:
        return []
    return [
        InvoiceRecorded(
            at=command.at,
            ledger_version=command.ledger_version,
            customer_id=command.customer_id,
            legal_entity=command.legal_entity,
            currency=command.currency,
            total=command.total,
            open=command.open,
            lines=command.lines,
            paid=command.paid,
        )
    ]


def _reserve(command: SetReservation, state: DisputableInvoice) -> list[InvoiceEvent]:
    before = state.known_of(command.dispute_id)
    wanted = tuple(held for held in command.held if held.amount)
    claim = state.claim_of(command.dispute_id)
    claimed_before = claim.amount if claim else 0
    known = (before.held if before else (), claimed_before, command.dispute_id in state.mismatched)
    if (wanted, command.claimed_back, command.mismatched) == known:
        return []
    held_before = before.amount if before else 0
    if not command.by_ledger and sum(held.amount for held in wanted) > held_before:
        _must_fit(command, wanted, state)
    if not command.by_ledger and command.claimed_back > claimed_before:
        _must_be_paid(command, state)
    return [
        ReservationSet(
            at=command.at,
            dispute_id=command.dispute_id,
            held=wanted,
            payment_id=command.payment_id,
            source=command.source,
            opened_at=command.opened_at,
            mismatched=command.mismatched,
            credit_memo_id=command.credit_memo_id,
            legal_entity=command.legal_entity,
            write_off_id=command.write_off_id,
            claimed_back=command.claimed_back,
        )
    ]


def _share(command: ShareNumber, state: DisputableInvoice) -> list[InvoiceEvent]:
    if command.legal_entity in state.shared_with:
        return []
    return [NumberShared(at=command.at, legal_entity=command.legal_entity, first_entity=command.first_entity)]


def brought_along(command: ShareNumber, first: DisputableInvoice) -> list[InvoiceEvent]:
    """What disputes hold of the entity's invoice since before it was known, as said on its own stream. `first` is the
    number's stream before the command."""
    return [
        ReservationSet(
            at=command.at,
            dispute_id=one.dispute_id,
            held=one.held,
            opened_at=one.since,
            legal_entity=one.legal_entity,
        )
        for one in (*first.reservations, *first.elsewhere)
        if one.legal_entity == command.legal_entity and command.legal_entity not in first.shared_with
    ]


def _leave_short_payment(command: LeaveShortPayment, state: DisputableInvoice) -> list[InvoiceEvent]:
    if (command.source, command.payment_id) in state.short_payments_left:
        return []
    return [
        ShortPaymentLeft(
            at=command.at,
            payment_id=command.payment_id,
            short=command.short,
            explanation=command.explanation,
            source=command.source,
        )
    ]


def _must_fit(command: SetReservation, wanted: tuple[HeldAmount, ...], state: DisputableInvoice) -> None:
    others = [one for one in state.reservations if one.dispute_id != command.dispute_id]
    if not state.is_of(command.legal_entity):
        others = [one for one in state.elsewhere if one.dispute_id != command.dispute_id]
    if len(others) >= MAX_DISPUTES:
        raise TooManyDisputes(
            f"{len(others)} disputes hold invoice {command.invoice_id} already; no more than {MAX_DISPUTES} can.",
            invoice_id=command.invoice_id,
        )
    terms = state.terms
    if terms is None or not state.is_of(command.legal_entity):
        return
    _must_be_its_own(command, terms)
    for held in wanted:
        if held.line is not None and terms.lines:
            _line_must_fit(command, held, terms, others)
    _fit(command, None, sum(held.amount for held in wanted), terms.open, terms, others)


def _must_be_paid(command: SetReservation, state: DisputableInvoice) -> None:
    """Together, claims after payment are no more than what is paid."""
    terms = state.terms
    if terms is None:
        return
    _must_be_its_own(command, terms)
    others = [one for one in state.claims if one.dispute_id != command.dispute_id]
    if len(others) >= MAX_DISPUTES:
        raise TooManyDisputes(
            f"{len(others)} disputes claim back of invoice {command.invoice_id} already; no more than {MAX_DISPUTES} "
            "can.",
            invoice_id=command.invoice_id,
        )
    left = Money(max(0, terms.claimable - sum(one.amount for one in others)), terms.currency)
    if command.claimed_back > left.minor:
        want, paid = Money(command.claimed_back, terms.currency), Money(terms.claimable, terms.currency)
        raise ExceedsPaidAmount(
            f"{want} cannot be claimed back of invoice {command.invoice_id}: {paid} is paid, and nobody claims {left} "
            "of it yet.",
            invoice_id=command.invoice_id,
            allowed=f"up to {left}",
            details={"wanted": want, "paid": paid, "free": left},
        )


def _must_be_its_own(command: SetReservation, terms: InvoiceTerms) -> None:
    if command.customer_id != terms.customer_id:
        raise CustomerMismatch(
            f"Invoice {command.invoice_id} was not issued to customer {command.customer_id}.",
            invoice_id=command.invoice_id,
        )
    if command.currency != terms.currency:
        raise CurrencyMismatch(
            f"Invoice {command.invoice_id} is in {terms.currency}, the dispute in {command.currency}.",
            invoice_id=command.invoice_id,
            allowed=terms.currency,
        )


def _line_must_fit(command: SetReservation, held: HeldAmount, terms: InvoiceTerms, others: list[Reservation]) -> None:
    names = tuple(line.line for line in terms.lines)
    if held.line not in names:
        raise UnknownLine(
            f"Invoice {command.invoice_id} has no line {held.line}.",
            invoice_id=command.invoice_id,
            line=held.line,
            allowed=names,
        )
    _fit(command, held.line, held.amount, line_bound(terms, held.line), terms, others)


def line_bound(terms: InvoiceTerms, line: str | None) -> int:
    """The most that can be contested on a line: its share of the invoice's total (tax included), rounded up, and no
    more than is open on the invoice."""
    billed = terms.billed_on(line)
    all_lines = sum(known.amount for known in terms.lines)
    if billed <= 0 or all_lines <= 0:
        return max(0, terms.open)
    return min(terms.open, max(billed, -(-billed * terms.total // all_lines)))


def _fit(  # noqa: PLR0917
    command: SetReservation, line: str | None, wanted: int, bound: int, terms: InvoiceTerms, others: list[Reservation]
) -> None:
    place = f"invoice {command.invoice_id}" + ("" if line is None else f", line {line}")
    want, is_open = Money(wanted, terms.currency), Money(max(0, bound), terms.currency)
    if wanted > bound:
        raise ExceedsOpenAmount(
            f"{want} cannot be disputed on {place}: {is_open} is open there.",
            invoice_id=command.invoice_id,
            line=line,
            allowed=f"up to {is_open}",
            details={"wanted": want, "open": is_open},
        )
    holders = {one.dispute_id: part for one in others if (part := one.on(line))}
    free = bound - sum(holders.values())
    if wanted > free:
        left = Money(max(0, free), terms.currency)
        raise AlreadyDisputed(
            f"{want} cannot be disputed on {place}: of {is_open} open, other disputes hold all but {left}.",
            invoice_id=command.invoice_id,
            line=line,
            allowed=f"up to {left}",
            details={"wanted": want, "open": is_open, "free": left, "disputes": tuple(holders)},
        )


class Reduction(Struct, frozen=True):
    """`amount` of a dispute's hold goes away by a posting; of this line, where one is named."""

    dispute_id: str
    amount: int
    line: str | None = None


def credited(state: DisputableInvoice, open_after: int, amount: int, named: str | None = None) -> list[Reduction]:
    """The disputes that a credit memo reduces, so that no more is held than is open after it.

    It serves the dispute that it names, then credits that disputes wait for, then what else they wait for (an ERP may
    post a write-off or an offset as a memo), then whatever else is contested, and only then money that nobody contests.
    """
    others = [one for one in state.reservations if one.dispute_id != named]
    rooms = [
        *((one.dispute_id, one.amount) for one in state.reservations if one.dispute_id == named),
        *((one.dispute_id, one.awaiting_credit) for one in others),
        *((one.dispute_id, one.awaiting - one.awaiting_credit) for one in others),
        *((one.dispute_id, one.amount - one.awaiting) for one in others),
    ]
    return _within(state, open_after, _served(amount, rooms))


def paid(state: DisputableInvoice, open_after: int, amount: int) -> list[Reduction]:
    """The disputes that a payment reduces. See `_posted`."""
    waits = [(one.dispute_id, one.awaiting_payment) for one in state.reservations]
    return _posted(state, open_after, amount, waits)


def written_off(state: DisputableInvoice, open_after: int, amount: int) -> list[Reduction]:
    """The disputes that a write-off reduces. See `_posted`."""
    waits = [(one.dispute_id, one.awaiting_write_off) for one in state.reservations]
    return _posted(state, open_after, amount, waits)


def _posted(state: DisputableInvoice, open_after: int, amount: int, waits: list[tuple[str, int]]) -> list[Reduction]:
    """A posting that is no larger than what disputes wait for is what they wait for. A larger one is for money that
    nobody contests, and serves them with what is left: else the customer would be chased for what is settled."""
    free = max(0, max(0, open_after) + amount - state.reserved)
    rest = amount if amount <= sum(room for _, room in waits) else amount - free
    return _within(state, open_after, _served(rest, waits))


def _served(amount: int, rooms: Iterable[tuple[str, int]]) -> dict[str, int]:
    """How much each dispute gets, where the first rooms are filled first."""
    taken: dict[str, int] = {}
    for dispute_id, room in rooms:
        part = max(0, min(amount, room))
        taken[dispute_id] = taken.get(dispute_id, 0) + part
        amount -= part
    return taken


def _within(state: DisputableInvoice, open_after: int, taken: dict[str, int]) -> list[Reduction]:
    """What disputes hold beyond what is open goes too, the oldest dispute first."""
    excess = state.reserved - sum(taken.values()) - max(0, open_after)
    found: list[Reduction] = []
    for one in state.reservations:
        served = taken.get(one.dispute_id, 0)
        part = max(0, min(excess, one.amount - served))
        excess -= part
        if served + part:
            found.append(Reduction(one.dispute_id, served + part))
    return found


def no_longer_paid(state: DisputableInvoice) -> list[Reduction]:
    """What claims after payment have beyond what is paid: of that, payments came back, and it is contested as any open
    amount."""
    excess = 0 if state.terms is None else state.claimed_back - state.terms.claimable
    found: list[Reduction] = []
    for one in state.claims:
        part = max(0, min(excess, one.amount))
        found.append(Reduction(one.dispute_id, part))
        excess -= part
    return [reduction for reduction in found if reduction.amount]


def corrected_away(state: DisputableInvoice, before: InvoiceTerms | None) -> list[Reduction]:
    """What a smaller total gives to disputes, where the ERP corrects the invoice instead of posting what they wait for:
    credits first, then write-offs and payments; then what is contested on lines that were billed and are not any
    more."""
    terms = state.terms
    if before is None or terms is None:
        return []
    left = before.total - terms.total
    rooms = [
        *((one.dispute_id, one.awaiting_credit) for one in state.reservations),
        *((one.dispute_id, one.awaiting - one.awaiting_credit) for one in state.reservations),
    ]
    served = _served(left, rooms)
    found = [Reduction(dispute_id, part) for dispute_id, part in served.items()]
    left -= sum(served.values())
    gone = {line.line for line in before.lines} - {line.line for line in terms.lines} if terms.lines else set()
    for one in state.reservations:
        for held in one.held:
            contested = held.amount - held.awaiting if held.line in gone else 0
            part = max(0, min(left, contested))
            found.append(Reduction(one.dispute_id, part, held.line))
            left -= part
    return [reduction for reduction in found if reduction.amount]


def no_longer_fits(state: DisputableInvoice, before: InvoiceTerms | None) -> list[Reduction]:
    """What disputes hold beyond a line, or beyond what is open at all. `before` is the invoice before the posting: a
    line that was billed and costs nothing any more leaves nothing to contest."""
    terms = state.terms
    if terms is None:
        return []
    found: list[Reduction] = []
    left = {one.dispute_id: one.amount for one in state.reservations}
    for line in dict.fromkeys(known.line for known in terms.lines):
        is_free_now = terms.billed_on(line) == 0 and before is not None and before.billed_on(line) > 0
        excess = sum(one.on(line) for one in state.reservations) - (0 if is_free_now else line_bound(terms, line))
        for one in state.reservations:
            part = max(0, min(excess, one.on(line)))
            if part:
                found.append(Reduction(one.dispute_id, part, line))
            left[one.dispute_id] -= part
            excess -= part
    excess = sum(left.values()) - max(0, terms.open)
    for dispute_id, holds in left.items():
        part = max(0, min(excess, holds))
        if part:
            found.append(Reduction(dispute_id, part))
        excess -= part
    return found
