"""An invoice as disputes see it: the open amount, and the part that each dispute holds. `evolve` never raises.

An invoice that the ledger has not reported yet is disputable too; its bounds are then unknown.
"""

from datetime import datetime
from typing import assert_never

import msgspec
from msgspec import Struct

from dispute_service.disputable_invoices.events import (
    HeldAmount,
    InvoiceEvent,
    InvoiceRecorded,
    KnownLine,
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


class Reservation(Struct, frozen=True, kw_only=True):
    """A dispute's hold on the invoice since `since`."""

    dispute_id: str
    since: datetime
    held: tuple[HeldAmount, ...]

    @property
    def amount(self) -> int:
        return sum(held.amount for held in self.held)

    @property
    def awaiting_credit(self) -> int:
        return sum(held.awaiting_credit for held in self.held)


class DisputableInvoice(Struct, frozen=True, kw_only=True):
    """`terms` None: not known to the ledger yet. Reservations stand oldest first.

    `reduced_by` remembers which dispute was reduced by which payment (source, number), oldest first, also when it holds
    nothing more.
    """

    terms: InvoiceTerms | None = None
    reservations: tuple[Reservation, ...] = ()
    reduced_by: tuple[tuple[str, str, str], ...] = ()
    short_payments_left: frozenset[tuple[str, str]] = frozenset()

    @property
    def reserved(self) -> int:
        return sum(reservation.amount for reservation in self.reservations)

    def disputes_reduced_by(self, source: str, payment_id: str) -> tuple[str, ...]:
        found = (dispute for erp, payment, dispute in self.reduced_by if is_same((erp, payment), (source, payment_id)))
        return tuple(dict.fromkeys(found))

    def of(self, dispute_id: str) -> Reservation | None:
        return next((one for one in self.reservations if one.dispute_id == dispute_id), None)


def is_same(one: tuple[str, str], other: tuple[str, str]) -> bool:
    """Whether two payments (source, number) are one. What was recorded before sources were has none: any may be it."""
    return one[1] == other[1] and (one[0] == other[0] or "" in (one[0], other[0]))


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
                taken = (event.source, event.payment_id, event.dispute_id)
                if taken not in state.reduced_by:
                    state = msgspec.structs.replace(state, reduced_by=(*state.reduced_by, taken))
            before = state.of(event.dispute_id)
            others = [one for one in state.reservations if one.dispute_id != event.dispute_id]
            if not event.held:
                return msgspec.structs.replace(state, reservations=tuple(others))
            now = Reservation(dispute_id=event.dispute_id, since=before.since if before else event.at, held=event.held)
            # Oldest first by business time; the id settles two of the same instant, the same way every time.
            ordered = sorted([*others, now], key=lambda one: (one.since, one.dispute_id))
            return msgspec.structs.replace(state, reservations=tuple(ordered))
        case ShortPaymentLeft():
            left = state.short_payments_left | {(event.source, event.payment_id)}
            return msgspec.structs.replace(state, short_payments_left=left)
    assert_never(event)
