"""A dispute as its history makes it. `evolve` never raises: what is stored has happened.

Per item, always: disputed = open + paid + credited + written_off + rejected + withdrawn. `awaiting_credit` is part of
open. Further: an active dispute has something open and awaits no credit; a settling one awaits all that is open; in
every other state nothing is open.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from enum import StrEnum
from types import MappingProxyType
from typing import assert_never

import msgspec
from msgspec import Struct

from dispute_service.disputes.events import (
    AmountReduced,
    DisputeAssigned,
    DisputeClassified,
    DisputeClosed,
    DisputeDecided,
    DisputeEscalated,
    DisputeEvent,
    DisputeOpened,
    DisputeReopened,
    DisputeResolved,
    DisputeSettled,
    DisputeWithdrawn,
    InformationRecorded,
    InformationRequested,
    InvoiceBecameKnown,
    NoteAdded,
    Outcome,
    PaymentReversed,
    Share,
    SlaBreached,
)
from dispute_service.policies.matrix import Routing
from dispute_service.policies.sla import Sla
from redress.contracts.common import Sealed, SealedContact
from redress.money import Money


class Status(StrEnum):
    OPEN = "open"
    ASSIGNED = "assigned"
    INVESTIGATING = "investigating"
    AWAITING_CUSTOMER = "awaiting_customer"
    AWAITING_INTERNAL = "awaiting_internal"
    DECIDED = "decided"
    SETTLING = "settling"
    RESOLVED = "resolved"
    CLOSED = "closed"
    WITHDRAWN = "withdrawn"


ACTIVE = frozenset(
    {
        Status.OPEN,
        Status.ASSIGNED,
        Status.INVESTIGATING,
        Status.AWAITING_CUSTOMER,
        Status.AWAITING_INTERNAL,
        Status.DECIDED,
    }
)
ENDED = frozenset({Status.RESOLVED, Status.CLOSED, Status.WITHDRAWN})

# From which states a person may take which action, in the order in which they usually come.
TRANSITIONS: Mapping[str, frozenset[Status]] = MappingProxyType(
    {
        "classify": ACTIVE,
        "assign": ACTIVE,
        "request-information": ACTIVE - {Status.DECIDED},
        "record-information": ACTIVE,
        "add-note": frozenset(Status),
        "decide": ACTIVE,
        "resolve": ACTIVE,
        "close": frozenset({Status.RESOLVED}),
        "reopen": ENDED | {Status.SETTLING},
        "withdraw": ACTIVE,
        "escalate": ACTIVE | {Status.SETTLING},
    }
)


class Item(Struct, frozen=True, kw_only=True):
    """One contested amount and what has become of it (minor units).

    `valid` and `invalid` split what is open while a decision stands. `stated_paid` is the part of `paid` that a person
    stated and no posting has proved.
    """

    invoice_id: str
    line: str | None
    known: bool
    disputed: int
    open: int
    paid: int = 0
    credited: int = 0
    written_off: int = 0
    rejected: int = 0
    withdrawn: int = 0
    awaiting_credit: int = 0
    valid: int = 0
    invalid: int = 0
    stated_paid: int = 0


class Taken(Struct, frozen=True):
    """How much a payment has taken from an item: what comes back when the payment does."""

    payment_id: str
    item: int
    amount: int


class Verdict(Struct, frozen=True, kw_only=True):
    """The standing decision. Totals per item stand in the items and shrink as postings arrive."""

    valid: int
    invalid: int
    root_cause: str
    rationale: Sealed


class Question(Struct, frozen=True, kw_only=True):
    """Information somebody was asked for and has not given yet."""

    asked: str
    what: Sealed
    due: date


class NotOpened(Struct, frozen=True):
    """No dispute yet."""


class Dispute(Struct, frozen=True, kw_only=True):
    """A dispute. Times are UTC; `opened_at` is when the contest began in the books, not when we wrote it down."""

    status: Status
    customer_id: str
    currency: str
    reason_code: str
    origin: str
    items: tuple[Item, ...]
    opened_at: datetime
    routing: Routing
    sla: Sla
    legal_entity: str | None = None
    external_reason: str | None = None
    description: Sealed | None = None
    contact: SealedContact | None = None
    root_cause: str | None = None
    owner: str | None = None
    team: str | None = None
    escalation_level: int = 0
    escalated_to: str | None = None
    sla_breached_at: datetime | None = None
    question: Question | None = None
    verdict: Verdict | None = None
    resolution_code: str | None = None
    rationale: Sealed | None = None
    resolved_at: datetime | None = None
    reopen_reason: str | None = None
    taken: tuple[Taken, ...] = ()
    ledger_versions: Mapping[str, int] = MappingProxyType({})
    entries: frozenset[str] = frozenset()  # ids of notes, questions and answers: each is taken once

    def money(self, minor: int) -> Money:
        return Money(minor, self.currency)

    @property
    def open(self) -> int:
        return sum(item.open for item in self.items)

    @property
    def awaiting_credit(self) -> int:
        return sum(item.awaiting_credit for item in self.items)

    @property
    def is_active(self) -> bool:
        return self.status in ACTIVE


State = NotOpened | Dispute

INITIAL: State = NotOpened()


def allowed_actions(state: State) -> tuple[str, ...]:
    """What a person may do now, in the usual order. Empty for a dispute that does not exist."""
    if isinstance(state, NotOpened):
        return ()
    return tuple(
        action
        for action, statuses in TRANSITIONS.items()
        if state.status in statuses and not (action == "reopen" and not any(reopenable(item) for item in state.items))
    )


def reopenable(item: Item) -> int:
    """What reopening would contest again besides what is open: all that a posting has not settled for good."""
    return item.rejected + item.withdrawn + item.written_off + item.stated_paid + item.awaiting_credit


def fold(events: Iterable[DisputeEvent]) -> State:
    state = INITIAL
    for event in events:
        state = evolve(state, event)
    return state


def evolve(state: State, event: DisputeEvent) -> State:  # noqa: C901, PLR0911, PLR0912 - one arm per event
    if isinstance(event, DisputeOpened):
        return _opened(event)
    if isinstance(state, NotOpened):
        return state
    match event:
        case DisputeClassified():
            return msgspec.structs.replace(
                state,
                reason_code=event.to_reason,
                root_cause=event.root_cause or state.root_cause,
                routing=event.routing or state.routing,
                sla=event.sla or state.sla,
            )
        case DisputeAssigned():
            return msgspec.structs.replace(
                state,
                status=Status.ASSIGNED if state.status is Status.OPEN else state.status,
                owner=event.owner,
                team=event.team,
                routing=event.routing or state.routing,
                sla=event.sla or state.sla,
            )
        case InformationRequested():
            return msgspec.structs.replace(
                state,
                status=Status.AWAITING_CUSTOMER if event.asked == "customer" else Status.AWAITING_INTERNAL,
                question=Question(asked=event.asked, what=event.what, due=event.due),
                entries=state.entries | {event.request_id},
            )
        case InformationRecorded():
            return msgspec.structs.replace(
                state,
                status=state.status if state.status is Status.DECIDED else Status.INVESTIGATING,
                question=None,
                entries=state.entries | {event.record_id},
            )
        case NoteAdded():
            return msgspec.structs.replace(state, entries=state.entries | {event.note_id})
        case DisputeEscalated():
            return msgspec.structs.replace(state, escalation_level=event.level, escalated_to=event.to)
        case DisputeDecided():
            return _decided(state, event)
        case DisputeResolved():
            return _resolved(state, event)
        case DisputeSettled():
            return msgspec.structs.replace(state, status=Status.RESOLVED)
        case DisputeClosed():
            return msgspec.structs.replace(state, status=Status.CLOSED)
        case DisputeReopened():
            return _reopened(state, event)
        case DisputeWithdrawn():
            outcomes = tuple(Outcome(item=share.item, withdrawn=share.amount) for share in event.shares)
            return msgspec.structs.replace(
                state,
                status=Status.WITHDRAWN,
                items=_with_outcomes(state.items, outcomes),
                verdict=None,
                question=None,
                resolution_code="WITHDRAWN",
                resolved_at=event.at,
            )
        case AmountReduced():
            return _reduced(state, event)
        case PaymentReversed():
            return _payment_reversed(state, event)
        case InvoiceBecameKnown():
            return msgspec.structs.replace(
                state,
                items=tuple(
                    msgspec.structs.replace(item, known=True) if item.invoice_id == event.invoice_id else item
                    for item in state.items
                ),
                legal_entity=state.legal_entity or event.legal_entity,
                ledger_versions=_seen(state, event.invoice_id, event.ledger_version),
            )
        case SlaBreached():
            return msgspec.structs.replace(state, sla_breached_at=event.at)
    assert_never(event)


def _opened(event: DisputeOpened) -> Dispute:
    return Dispute(
        status=Status.OPEN,
        customer_id=event.customer_id,
        currency=event.currency,
        reason_code=event.reason_code,
        origin=event.origin,
        items=tuple(
            Item(invoice_id=item.invoice_id, line=item.line, known=item.known, disputed=item.amount, open=item.amount)
            for item in event.items
        ),
        opened_at=event.at,
        routing=event.routing,
        sla=event.sla,
        legal_entity=event.legal_entity,
        external_reason=event.external_reason,
        description=event.description,
        contact=event.contact,
    )


def _decided(state: Dispute, event: DisputeDecided) -> Dispute:
    items = _without_verdict(state.items)
    for verdict in event.verdicts:
        items = _replaced(items, verdict.item, valid=verdict.valid, invalid=verdict.invalid)
    return msgspec.structs.replace(
        state,
        status=Status.DECIDED,
        items=items,
        question=None,
        root_cause=event.root_cause,
        verdict=Verdict(
            valid=event.valid, invalid=event.invalid, root_cause=event.root_cause, rationale=event.rationale
        ),
    )


def _resolved(state: Dispute, event: DisputeResolved) -> Dispute:
    items = _with_outcomes(state.items, event.outcomes)
    return msgspec.structs.replace(
        state,
        status=Status.SETTLING if any(item.open for item in items) else Status.RESOLVED,
        items=items,
        question=None,
        resolution_code=event.resolution_code,
        rationale=event.rationale or (state.verdict.rationale if state.verdict else None),
        resolved_at=event.at,
    )


def _with_outcomes(items: tuple[Item, ...], outcomes: Sequence[Outcome]) -> tuple[Item, ...]:
    items = _without_verdict(items)
    for outcome in outcomes:
        if not 0 <= outcome.item < len(items):
            continue
        item = items[outcome.item]
        gone = outcome.rejected + outcome.written_off + outcome.paid + outcome.withdrawn
        items = _replaced(
            items,
            outcome.item,
            open=item.open - gone,
            awaiting_credit=outcome.credit,
            rejected=item.rejected + outcome.rejected,
            written_off=item.written_off + outcome.written_off,
            paid=item.paid + outcome.paid,
            stated_paid=item.stated_paid + outcome.paid,
            withdrawn=item.withdrawn + outcome.withdrawn,
        )
    return items


def _reopened(state: Dispute, event: DisputeReopened) -> Dispute:
    items = tuple(msgspec.structs.replace(item, awaiting_credit=0) for item in _without_verdict(state.items))
    for share in event.shares:
        if 0 <= share.item < len(items):
            items = _restored(items, share)
    return msgspec.structs.replace(
        state,
        status=Status.INVESTIGATING,
        items=items,
        verdict=None,
        resolution_code=None,
        rationale=None,
        resolved_at=None,
        reopen_reason=event.reason,
        routing=event.routing or state.routing,
        sla=event.sla or state.sla,
        sla_breached_at=None if event.sla else state.sla_breached_at,
    )


def _restored(items: tuple[Item, ...], share: Share) -> tuple[Item, ...]:
    """The share taken back from where it went: rejected first, then withdrawn, written off, stated as paid."""
    item = items[share.item]
    left = share.amount
    rejected = min(left, item.rejected)
    left -= rejected
    withdrawn = min(left, item.withdrawn)
    left -= withdrawn
    written_off = min(left, item.written_off)
    left -= written_off
    paid = min(left, item.stated_paid)
    return _replaced(
        items,
        share.item,
        open=item.open + rejected + withdrawn + written_off + paid,
        rejected=item.rejected - rejected,
        withdrawn=item.withdrawn - withdrawn,
        written_off=item.written_off - written_off,
        paid=item.paid - paid,
        stated_paid=item.stated_paid - paid,
    )


def _reduced(state: Dispute, event: AmountReduced) -> Dispute:
    by_payment = event.cause == "payment"
    items = state.items
    taken = list(state.taken)
    for share in event.shares:
        if not 0 <= share.item < len(items):
            continue
        item = items[share.item]
        amount = min(share.amount, item.open)
        left = item.open - amount
        # A customer who pays gives in on what was found invalid first; a credit serves what was found valid.
        if by_payment:
            invalid = max(0, item.invalid - amount)
            valid = min(item.valid, left - invalid)
        else:
            valid = max(0, item.valid - amount)
            invalid = min(item.invalid, left - valid)
        items = _replaced(
            items,
            share.item,
            open=left,
            awaiting_credit=min(item.awaiting_credit, left),
            valid=valid,
            invalid=invalid,
            paid=item.paid + (amount if by_payment else 0),
            credited=item.credited + (0 if by_payment else amount),
        )
        if by_payment and amount:
            taken.append(Taken(event.reference, share.item, amount))
    return msgspec.structs.replace(
        state,
        items=items,
        taken=tuple(taken),
        ledger_versions=_seen(state, event.invoice_id, event.ledger_version),
    )


def _payment_reversed(state: Dispute, event: PaymentReversed) -> Dispute:
    items = state.items
    taken = list(state.taken)
    for share in event.shares:
        if not 0 <= share.item < len(items):
            continue
        item = items[share.item]
        amount = min(share.amount, item.paid - item.stated_paid)
        items = _replaced(
            items,
            share.item,
            paid=item.paid - amount,
            open=item.open + (amount if event.into == "open" else 0),
            rejected=item.rejected + (amount if event.into == "rejected" else 0),
            withdrawn=item.withdrawn + (amount if event.into == "withdrawn" else 0),
        )
        taken = _untaken(taken, event.payment_id, share.item, amount)
    reopens_verdict = event.into == "open" and state.status is Status.DECIDED
    return msgspec.structs.replace(
        state,
        status=Status.INVESTIGATING if reopens_verdict else state.status,
        items=_without_verdict(items) if reopens_verdict else items,
        verdict=None if reopens_verdict else state.verdict,
        taken=tuple(taken),
        ledger_versions=_seen(state, event.invoice_id, event.ledger_version),
    )


def _untaken(taken: list[Taken], payment_id: str, item: int, amount: int) -> list[Taken]:
    left: list[Taken] = []
    for entry in reversed(taken):
        if entry.payment_id == payment_id and entry.item == item and amount:
            back = min(amount, entry.amount)
            amount -= back
            if entry.amount > back:
                left.append(Taken(payment_id, item, entry.amount - back))
        else:
            left.append(entry)
    return left[::-1]


def _seen(state: Dispute, invoice_id: str, ledger_version: int) -> Mapping[str, int]:
    return {**state.ledger_versions, invoice_id: max(ledger_version, state.ledger_versions.get(invoice_id, 0))}


def _without_verdict(items: tuple[Item, ...]) -> tuple[Item, ...]:
    return tuple(
        msgspec.structs.replace(item, valid=0, invalid=0) if item.valid or item.invalid else item for item in items
    )


def _replaced(items: tuple[Item, ...], position: int, **changes: int) -> tuple[Item, ...]:
    changed = msgspec.structs.replace(items[position], **changes)
    return (*items[:position], changed, *items[position + 1 :])
