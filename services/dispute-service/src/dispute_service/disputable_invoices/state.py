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

    def billed_on(self, line: str | None) -> int:
        """0 for a line that is not there."""
        return sum(known.amount for known in self.lines if known.line == line)


class Reservation(Struct, frozen=True, kw_only=True):
    """A dispute's hold on the invoice; `since` is when the dispute was opened."""

    dispute_id: str
    since: datetime
    held: tuple[HeldAmount, ...]

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


class DisputableInvoice(Struct, frozen=True, kw_only=True):
    """`terms` None: not known to the ledger yet. Reservations stand oldest first.

    `mismatched` are the disputes that contest something which is not this invoice. `reduced_by` remembers which dispute
    was reduced by which payment (source, number), oldest first, also when it holds nothing more; `credited_by` the same
    of credit memos.
    """

    terms: InvoiceTerms | None = None
    reservations: tuple[Reservation, ...] = ()
    mismatched: frozenset[str] = frozenset()
    reduced_by: tuple[tuple[str, str, str], ...] = ()
    credited_by: tuple[tuple[str, str, str], ...] = ()
    short_payments_left: frozenset[tuple[str, str]] = frozenset()

    @property
    def reserved(self) -> int:
        return sum(reservation.amount for reservation in self.reservations)

    @property
    def contested_by(self) -> tuple[str, ...]:
        """The disputes that have something open here, whether or not they hold it."""
        return tuple(dict.fromkeys([*(one.dispute_id for one in self.reservations), *sorted(self.mismatched)]))

    def disputes_reduced_by(self, source: str, payment_id: str) -> tuple[str, ...]:
        return _of_posting(self.reduced_by, source, payment_id)

    def disputes_credited_by(self, source: str, credit_memo_id: str) -> tuple[str, ...]:
        return _of_posting(self.credited_by, source, credit_memo_id)

    def of(self, dispute_id: str) -> Reservation | None:
        return next((one for one in self.reservations if one.dispute_id == dispute_id), None)


def is_same(one: tuple[str, str], other: tuple[str, str]) -> bool:
    """Whether two payments, or two credit memos, (source, number) are one. What was recorded before sources were has
    none: any may be it."""
    return one[1] == other[1] and (one[0] == other[0] or "" in (one[0], other[0]))


def _of_posting(known: Iterable[tuple[str, str, str]], source: str, number: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(dispute for erp, one, dispute in known if is_same((erp, one), (source, number))))


def _remembered(known: tuple[tuple[str, str, str], ...], one: tuple[str, str, str]) -> tuple[tuple[str, str, str], ...]:
    return known if one in known else (*known, one)


INITIAL = DisputableInvoice()


def evolve(state: DisputableInvoice, event: InvoiceEvent) -> DisputableInvoice:
    match event:
        case InvoiceRecorded():
            return msgspec.structs.replace(
                state,
                terms=InvoiceTerms(
                    ledger_version=event.ledger_version,
                    customer_id=event.customer_id,
                    legal_entity=event.legal_entity,
                    currency=event.currency,
                    total=event.total,
                    open=event.open,
                    lines=event.lines,
                ),
            )
        case ReservationSet():
            if event.payment_id is not None:
                taken = _remembered(state.reduced_by, (event.source, event.payment_id, event.dispute_id))
                state = msgspec.structs.replace(state, reduced_by=taken)
            if event.credit_memo_id is not None:
                credited = _remembered(state.credited_by, (event.source, event.credit_memo_id, event.dispute_id))
                state = msgspec.structs.replace(state, credited_by=credited)
            return _reserved(state, event)
        case ShortPaymentLeft():
            left = state.short_payments_left | {(event.source, event.payment_id)}
            return msgspec.structs.replace(state, short_payments_left=left)
        case NamedDisputeLeft():
            return state
    assert_never(event)


def _reserved(state: DisputableInvoice, event: ReservationSet) -> DisputableInvoice:
    before = state.of(event.dispute_id)
    ordered = [one for one in state.reservations if one.dispute_id != event.dispute_id]
    if event.held:
        since = event.opened_at or (before.since if before else event.at)
        ordered.append(Reservation(dispute_id=event.dispute_id, since=since, held=event.held))
        # Oldest first by business time; the id settles two of the same instant, the same way in every service.
        ordered.sort(key=lambda one: (one.since, one.dispute_id))
    mismatched = state.mismatched - {event.dispute_id}
    return msgspec.structs.replace(
        state,
        reservations=tuple(ordered),
        mismatched=mismatched | {event.dispute_id} if event.mismatched else mismatched,
    )
