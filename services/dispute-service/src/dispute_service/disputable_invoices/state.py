"""An invoice as disputes see it: the open amount, and the part that each dispute holds. `evolve` never raises.

An invoice that the ledger has not reported yet is disputable too; its bounds are then unknown.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import assert_never

import msgspec
from msgspec import Struct

from dispute_service.disputable_invoices.events import (
    HeldAmount,
    InvoiceEvent,
    InvoiceRecorded,
    KnownLine,
    NamedDisputeLeft,
    NumberShared,
    ReservationSet,
    ShortPaymentLeft,
)


class InvoiceTerms(Struct, frozen=True, kw_only=True):
    """The invoice as the ledger reported it last."""

    ledger_version: int
    customer_id: str
    legal_entity: str
    currency: str
    total: int
    open: int
    lines: tuple[KnownLine, ...]
    paid: int | None = None

    @property
    def claimable(self) -> int:
        """The most that can be claimed back: what is paid; where the ledger did not say, what is not open."""
        return max(0, self.total - self.open) if self.paid is None else self.paid

    @property
    def is_paid(self) -> bool:
        """Nothing is open, and something was paid: what is contested now is claimed back."""
        return self.open <= 0 < self.claimable

    def billed_on(self, line: str | None) -> int:
        """0 for a line that is not there."""
        return sum(known.amount for known in self.lines if known.line == line)


class Reservation(Struct, frozen=True, kw_only=True):
    """A dispute's hold on the invoice; `since` is when the dispute was opened. `legal_entity` is whose invoice it
    means, if it says so."""

    dispute_id: str
    since: datetime
    held: tuple[HeldAmount, ...]
    legal_entity: str | None = None

    @property
    def amount(self) -> int:
        return sum(held.amount for held in self.held)

    @property
    def awaiting_credit(self) -> int:
        return sum(held.awaiting_credit for held in self.held)

    @property
    def awaiting_write_off(self) -> int:
        return sum(held.awaiting_write_off for held in self.held)

    @property
    def awaiting_payment(self) -> int:
        return sum(held.awaiting_payment for held in self.held)

    @property
    def awaiting(self) -> int:
        """The part that is resolved, and that the ERP is still to post."""
        return self.awaiting_credit + self.awaiting_write_off + self.awaiting_payment

    def on(self, line: str | None) -> int:
        """The amount it holds of a line; of None, all it holds."""
        return sum(held.amount for held in self.held if line is None or held.line == line)


class Claim(Struct, frozen=True, kw_only=True):
    """What a dispute claims back of the paid part; `since` is when the dispute was opened."""

    dispute_id: str
    since: datetime
    amount: int


class DisputableInvoice(Struct, frozen=True, kw_only=True):
    """`terms` None: not known to the ledger yet. Reservations and claims stand oldest first. `elsewhere` are those of
    another legal entity's invoice with this number, which the ledger has not reported yet. `shared_with` are the
    entities whose invoice with it is on a stream of their own, and `first_entity` the one whose invoice is here.

    `mismatched` are the disputes that contest something which is not this invoice. `reduced_by` remembers which dispute
    was reduced by which payment (source, number), oldest first, also when it holds nothing more; `credited_by` the same
    of credit memos, `written_off_by` of write-offs.
    """

    terms: InvoiceTerms | None = None
    reservations: tuple[Reservation, ...] = ()
    claims: tuple[Claim, ...] = ()
    mismatched: frozenset[str] = frozenset()
    reduced_by: tuple[tuple[str, str, str], ...] = ()
    credited_by: tuple[tuple[str, str, str], ...] = ()
    written_off_by: tuple[tuple[str, str, str], ...] = ()
    short_payments_left: frozenset[tuple[str, str]] = frozenset()
    elsewhere: tuple[Reservation, ...] = ()
    shared_with: tuple[str, ...] = ()
    first_entity: str | None = None

    @property
    def entities(self) -> tuple[str, ...]:
        """The legal entities that are known to have an invoice with this number, the first one first."""
        first = self.terms.legal_entity if self.terms else self.first_entity
        return () if first is None else (first, *self.shared_with)

    def is_of(self, legal_entity: str | None) -> bool:
        """Whether this is the invoice of that entity, as far as is known; None is the first with the number."""
        return legal_entity is None or legal_entity in self.entities[:1] or not self.entities

    @property
    def reserved(self) -> int:
        return sum(reservation.amount for reservation in self.reservations)

    @property
    def claimed_back(self) -> int:
        return sum(claim.amount for claim in self.claims)

    @property
    def contested_by(self) -> tuple[str, ...]:
        """The disputes that have something open here, whether or not they hold it."""
        holding = [one.dispute_id for one in self.reservations]
        claiming = [one.dispute_id for one in self.claims]
        return tuple(dict.fromkeys([*holding, *claiming, *sorted(self.mismatched)]))

    @property
    def known_to_contest(self) -> tuple[str, ...]:
        """The disputes that contest something, and those that a posting took something from once."""
        taken_from = (dispute for _, _, dispute in (*self.reduced_by, *self.credited_by, *self.written_off_by))
        return tuple(dict.fromkeys([*self.contested_by, *taken_from]))

    def disputes_reduced_by(self, source: str, payment_id: str) -> tuple[str, ...]:
        return _of_posting(self.reduced_by, source, payment_id)

    def disputes_credited_by(self, source: str, credit_memo_id: str) -> tuple[str, ...]:
        return _of_posting(self.credited_by, source, credit_memo_id)

    def disputes_written_off_by(self, source: str, write_off_id: str) -> tuple[str, ...]:
        return _of_posting(self.written_off_by, source, write_off_id)

    def of(self, dispute_id: str) -> Reservation | None:
        return next((one for one in self.reservations if one.dispute_id == dispute_id), None)

    def known_of(self, dispute_id: str) -> Reservation | None:
        """The same, also of another entity's invoice."""
        return next((one for one in (*self.reservations, *self.elsewhere) if one.dispute_id == dispute_id), None)

    def claim_of(self, dispute_id: str) -> Claim | None:
        return next((one for one in self.claims if one.dispute_id == dispute_id), None)


def is_same(one: tuple[str, str], other: tuple[str, str]) -> bool:
    """Whether two payments, credit memos or write-offs (source, number) are one. What was recorded before sources
    were has none: any may be it."""
    return one[1] == other[1] and (one[0] == other[0] or "" in (one[0], other[0]))


def _of_posting(known: Iterable[tuple[str, str, str]], source: str, number: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(dispute for erp, one, dispute in known if is_same((erp, one), (source, number))))


def _remembered(known: tuple[tuple[str, str, str], ...], one: tuple[str, str, str]) -> tuple[tuple[str, str, str], ...]:
    return known if one in known else (*known, one)


INITIAL = DisputableInvoice()


def evolve(state: DisputableInvoice, event: InvoiceEvent) -> DisputableInvoice:
    match event:
        case InvoiceRecorded():
            recorded = msgspec.structs.replace(
                state,
                terms=InvoiceTerms(
                    ledger_version=event.ledger_version,
                    customer_id=event.customer_id,
                    legal_entity=event.legal_entity,
                    currency=event.currency,
                    total=event.total,
                    open=event.open,
                    lines=event.lines,
                    paid=event.paid,
                ),
            )
            return _sorted(recorded) if state.terms is None else recorded
        case NumberShared(legal_entity=other):
            elsewhere = tuple(one for one in state.elsewhere if one.legal_entity != other)
            here = tuple(one for one in state.reservations if one.legal_entity != other)
            shared = msgspec.structs.replace(
                state,
                reservations=here,
                elsewhere=elsewhere,
                shared_with=(*state.shared_with, other),
                first_entity=event.first_entity,
            )
            return _sorted(shared)
        case ReservationSet():
            if event.payment_id is not None:
                taken = _remembered(state.reduced_by, (event.source, event.payment_id, event.dispute_id))
                state = msgspec.structs.replace(state, reduced_by=taken)
            if event.credit_memo_id is not None:
                credited = _remembered(state.credited_by, (event.source, event.credit_memo_id, event.dispute_id))
                state = msgspec.structs.replace(state, credited_by=credited)
            if event.write_off_id is not None:
                written_off = _remembered(state.written_off_by, (event.source, event.write_off_id, event.dispute_id))
                state = msgspec.structs.replace(state, written_off_by=written_off)
            return _reserved(state, event)
        case ShortPaymentLeft():
            left = state.short_payments_left | {(event.source, event.payment_id)}
            return msgspec.structs.replace(state, short_payments_left=left)
        case NamedDisputeLeft():
            return state
    assert_never(event)


def _reserved(state: DisputableInvoice, event: ReservationSet) -> DisputableInvoice:
    before = state.known_of(event.dispute_id)
    since = event.opened_at or (before.since if before else event.at)
    others = [one for one in state.reservations if one.dispute_id != event.dispute_id]
    claims = [one for one in state.claims if one.dispute_id != event.dispute_id]
    if event.claimed_back:
        claims.append(Claim(dispute_id=event.dispute_id, since=since, amount=event.claimed_back))
        claims.sort(key=lambda one: (one.since, one.dispute_id))
    if event.held:
        entity = event.legal_entity or (before.legal_entity if before else None)
        others.append(Reservation(dispute_id=event.dispute_id, since=since, held=event.held, legal_entity=entity))
    mismatched = state.mismatched - {event.dispute_id}
    reserved = msgspec.structs.replace(
        state,
        reservations=tuple(others),
        claims=tuple(claims),
        elsewhere=tuple(one for one in state.elsewhere if one.dispute_id != event.dispute_id),
        mismatched=mismatched | {event.dispute_id} if event.mismatched else mismatched,
    )
    return _sorted(reserved)


def _sorted(state: DisputableInvoice) -> DisputableInvoice:
    """Oldest first by business time; the id settles two of the same instant, the same way in every service. What means
    another entity's invoice is put aside."""
    ordered = sorted(state.reservations, key=lambda one: (one.since, one.dispute_id))
    aside = tuple(one for one in ordered if not state.is_of(one.legal_entity))
    here = tuple(one for one in ordered if state.is_of(one.legal_entity))
    return msgspec.structs.replace(state, reservations=here, elsewhere=(*state.elsewhere, *aside))
