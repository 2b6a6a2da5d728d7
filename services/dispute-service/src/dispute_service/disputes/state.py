"""The state of a dispute, folded from its events. `evolve` never raises: a stored event has happened.

An active dispute has something contested; besides, it may still await what was resolved before. A settling one awaits
the ERP's posting of all that is open; in every other state nothing is open. How amounts move within its items:
`items.py`.
"""

from collections.abc import Mapping
from datetime import date, datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Literal, assert_never

import msgspec
from msgspec import Struct

from dispute_service.disputes import events as e
from dispute_service.disputes import items as moved
from dispute_service.disputes.items import CreditShare, DisputeItem, PaymentShare, reopenable
from dispute_service.routing.matrix import Routing
from dispute_service.routing.sla import Sla
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
        "settle": frozenset({Status.SETTLING}),
        "escalate": ACTIVE | {Status.SETTLING},
    }
)


class Verdict(Struct, frozen=True, kw_only=True):
    """The standing decision as it was taken, in total and per item (`parts`); `spread` says where the parts come from.

    What is left of it stands in the items, and shrinks as postings arrive.
    """

    valid: int
    invalid: int
    root_cause: str
    rationale: Sealed
    parts: tuple[e.ItemVerdict, ...] = ()
    spread: str = e.PROPORTIONAL


class Question(Struct, frozen=True, kw_only=True):
    """Information that was asked for and is not given yet."""

    asked: str
    what: Sealed
    due: date


TaskState = Literal["open", "taken", "done", "closed"]


class SettlementTask(Struct, frozen=True, kw_only=True):
    """What is awaited is overdue since `due_at`. `state` is open, taken (by `owner`), done (a person said what came of
    it) or closed (nothing is awaited any more); `why` is the last reason or result."""

    due_at: datetime
    state: TaskState = "open"
    owner: str | None = None
    why: str | None = None

    @property
    def is_live(self) -> bool:
        return self.state in {"open", "taken"}


class UnopenedDispute(Struct, frozen=True):
    """No dispute yet."""


class Dispute(Struct, frozen=True, kw_only=True):
    """A dispute. Times are UTC; `opened_at` is when the contest began in the books, not when it was recorded."""

    status: Status
    customer_id: str
    currency: str
    reason_code: str
    origin: str
    items: tuple[DisputeItem, ...]
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
    outcomes: tuple[e.ItemOutcome, ...] = ()
    credit_spread: str | None = None
    resolved_at: datetime | None = None
    closed_at: datetime | None = None
    reopen_reason: str | None = None
    withdrawal_reason: str | None = None
    assignment_explanation: str | None = None
    escalation_reason: str | None = None
    reopened_by_person: bool = False
    claim_number: str | None = None
    short_payment: e.ShortPayment | None = None
    taken: tuple[PaymentShare, ...] = ()
    credited: tuple[CreditShare, ...] = ()
    settlement: e.Settlement | None = None
    settlement_task: SettlementTask | None = None
    given_up_because: str | None = None
    awaited_as: str | None = None  # the resolution code that said what is awaited
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
    def awaiting(self) -> int:
        """The open amount that is resolved, and that the ERP is still to post."""
        return sum(item.awaiting for item in self.items)

    @property
    def contested(self) -> int:
        """The open amount that nothing was resolved of yet: what is decided and resolved."""
        return self.open - self.awaiting

    @property
    def is_active(self) -> bool:
        return self.status in ACTIVE


State = UnopenedDispute | Dispute

INITIAL: State = UnopenedDispute()


def allowed_actions(state: State) -> tuple[str, ...]:
    """The actions that a person may take now, in the usual order. Empty for a dispute that does not exist."""
    if isinstance(state, UnopenedDispute):
        return ()
    return tuple(
        action
        for action, statuses in TRANSITIONS.items()
        if state.status in statuses and not (action == "reopen" and not any(reopenable(item) for item in state.items))
    )


def task_actions(state: TaskState, owner: str | None) -> tuple[str, ...]:
    """The actions that a person may take now on a settlement task in this state."""
    if state not in {"open", "taken"}:
        return ()
    return ("take", "hand-over", "finish") if owner is None else ("hand-over", "finish")


def evolve(state: State, event: e.DisputeEvent) -> State:  # noqa: C901, PLR0911, PLR0912 - one arm per event
    if isinstance(event, e.DisputeOpened):
        return _opened(event)
    if isinstance(state, UnopenedDispute):
        return state
    match event:
        case e.DisputeClassified():
            return msgspec.structs.replace(
                state,
                reason_code=event.to_reason,
                root_cause=event.root_cause or state.root_cause,
                routing=event.routing or state.routing,
                sla=event.sla or state.sla,
            )
        case e.DisputeAssigned():
            return msgspec.structs.replace(
                state,
                status=Status.ASSIGNED if state.status is Status.OPEN else state.status,
                owner=event.owner,
                team=event.team,
                assignment_explanation=event.explanation,
                routing=event.routing or state.routing,
                sla=event.sla or state.sla,
            )
        case e.InformationRequested():
            return msgspec.structs.replace(
                state,
                status=Status.AWAITING_CUSTOMER if event.asked == "customer" else Status.AWAITING_INTERNAL,
                question=Question(asked=event.asked, what=event.what, due=event.due),
                entries=state.entries | {event.request_id},
            )
        case e.InformationRecorded():
            return msgspec.structs.replace(
                state,
                status=state.status if state.status is Status.DECIDED else Status.INVESTIGATING,
                question=None,
                entries=state.entries | {event.record_id},
            )
        case e.NoteAdded():
            return msgspec.structs.replace(state, entries=state.entries | {event.note_id})
        case e.DisputeEscalated():
            return msgspec.structs.replace(
                state, escalation_level=event.level, escalated_to=event.to, escalation_reason=event.reason
            )
        case e.DisputeDecided():
            return _decided(state, event)
        case e.DisputeResolved():
            return _resolved(state, event)
        case e.DisputeSettled():
            return msgspec.structs.replace(state, status=Status.RESOLVED)
        case e.DisputeClosed():
            return msgspec.structs.replace(state, status=Status.CLOSED, closed_at=event.at)
        case e.DisputeReopened():
            return _reopened(state, event)
        case e.DisputeWithdrawn():
            return _withdrawn(state, event)
        case e.AmountReduced():
            return _reduced(state, event)
        case e.PaymentReversed():
            return _payment_reversed(state, event)
        case e.CreditReversed():
            return _credit_reversed(state, event)
        case e.InvoiceBecameKnown():
            return msgspec.structs.replace(
                state,
                items=moved.known(state.items, event.invoice_id),
                legal_entity=state.legal_entity or event.legal_entity,
                ledger_versions=_seen(state, event.invoice_id, event.ledger_version),
            )
        case e.ItemsCompared():
            return msgspec.structs.replace(state, items=moved.compared(state.items, event.items))
        case e.SlaBreached():
            return msgspec.structs.replace(state, sla_breached_at=event.at)
        case e.SettlementOverdue():
            return msgspec.structs.replace(state, settlement_task=SettlementTask(due_at=event.due_at))
        case e.SettlementTaskAssigned():
            return _task_assigned(state, event)
        case e.SettlementTaskDone():
            return _task_done(state, event)
        case e.SettlementGivenUp():
            return _given_up(state, event)
    assert_never(event)


def _opened(event: e.DisputeOpened) -> Dispute:
    return Dispute(
        status=Status.OPEN,
        customer_id=event.customer_id,
        currency=event.currency,
        reason_code=event.reason_code,
        origin=event.origin,
        items=moved.contested(event.items),
        opened_at=event.at,
        routing=event.routing,
        sla=event.sla,
        legal_entity=event.legal_entity,
        external_reason=event.external_reason,
        description=event.description,
        contact=event.contact,
        claim_number=event.claim_number,
        short_payment=event.short_payment,
    )


def _decided(state: Dispute, event: e.DisputeDecided) -> Dispute:
    return msgspec.structs.replace(
        state,
        status=Status.DECIDED,
        items=moved.judged(state.items, event.verdicts),
        question=None,
        root_cause=event.root_cause,
        verdict=Verdict(
            valid=event.valid,
            invalid=event.invalid,
            root_cause=event.root_cause,
            rationale=event.rationale,
            parts=event.verdicts,
            spread=event.spread,
        ),
    )


def _resolved(state: Dispute, event: e.DisputeResolved) -> Dispute:
    items = moved.with_outcomes(state.items, event.outcomes)
    return msgspec.structs.replace(
        state,
        status=Status.SETTLING if any(item.open for item in items) else Status.RESOLVED,
        items=items,
        question=None,
        resolution_code=event.resolution_code,
        rationale=event.rationale or (state.verdict.rationale if state.verdict else None),
        outcomes=event.outcomes,
        credit_spread=event.spread,
        resolved_at=event.at,
        settlement=event.settlement or state.settlement,
        awaited_as=state.awaited_as if event.by_ledger else event.resolution_code,
    )


def _withdrawn(state: Dispute, event: e.DisputeWithdrawn) -> Dispute:
    items = moved.withdrawn(state.items, event.shares)
    return msgspec.structs.replace(
        state,
        status=Status.SETTLING if any(item.awaiting for item in items) else Status.WITHDRAWN,
        items=items,
        verdict=None,
        question=None,
        resolution_code="WITHDRAWN",
        resolved_at=event.at,
        withdrawal_reason=event.reason,
    )


def _reopened(state: Dispute, event: e.DisputeReopened) -> Dispute:
    items = moved.contested_again(state.items, event.shares, keeps_grants=event.keeps_grants)
    return msgspec.structs.replace(
        _unless_awaited(state, items, "reopened"),
        status=Status.INVESTIGATING,
        items=items,
        verdict=None,
        resolution_code=None,
        rationale=None,
        outcomes=(),
        credit_spread=None,
        resolved_at=None,
        reopen_reason=event.reason,
        reopened_by_person=state.reopened_by_person or not event.by_ledger,
        taken=state.taken if event.keeps_grants else moved.taken_for_good(state.taken),
        routing=event.routing or state.routing,
        sla=event.sla or state.sla,
        sla_breached_at=None if event.sla else state.sla_breached_at,
    )


def _reduced(state: Dispute, event: e.AmountReduced) -> Dispute:
    taken: tuple[PaymentShare, ...] = ()
    credited: tuple[CreditShare, ...] = ()
    if event.cause == "payment":
        items, taken = moved.reduced_by_payment(state.items, event.shares, event.reference, event.source)
    elif event.into == "reduced":
        items = moved.reduced_by_invoice(state.items, event.shares)
    elif event.cause == "write-off":
        items = moved.reduced_by_write_off(state.items, event.shares)
    else:
        items = moved.reduced_by_credit(state.items, event.shares)
    if event.cause == "credit-memo":
        credited = moved.taken_by_credit(state.items, items, event.reference, event.source)
    return msgspec.structs.replace(
        _unless_awaited(state, items, "posted"),
        items=items,
        taken=(*state.taken, *taken),
        credited=(*state.credited, *credited),
        ledger_versions=_seen(state, event.invoice_id, event.ledger_version),
    )


def _credit_reversed(state: Dispute, event: e.CreditReversed) -> Dispute:
    items, credited = moved.credit_given_back(state.items, state.credited, event)
    reopens_verdict = event.into == "open" and state.status is Status.DECIDED
    status = Status.INVESTIGATING if reopens_verdict else state.status
    return msgspec.structs.replace(
        state,
        status=Status.SETTLING if event.into == "awaiting" else status,
        items=moved.without_verdict(items) if reopens_verdict else items,
        verdict=None if reopens_verdict else state.verdict,
        credited=credited,
        settlement=event.settlement or state.settlement,
        ledger_versions=_seen(state, event.invoice_id, event.ledger_version),
    )


def _payment_reversed(state: Dispute, event: e.PaymentReversed) -> Dispute:
    items, taken = moved.given_back(state.items, state.taken, event)
    reopens_verdict = event.into == "open" and state.status is Status.DECIDED
    status = Status.INVESTIGATING if reopens_verdict else state.status
    return msgspec.structs.replace(
        state,
        status=Status.SETTLING if event.into == "awaiting" else status,
        items=moved.without_verdict(items) if reopens_verdict else items,
        verdict=None if reopens_verdict else state.verdict,
        taken=taken,
        settlement=event.settlement or state.settlement,
        ledger_versions=_seen(state, event.invoice_id, event.ledger_version),
    )


def _unless_awaited(state: Dispute, items: moved.Items, why: str) -> Dispute:
    """Where nothing is awaited any more, there is no due date, and the task about it is closed."""
    if any(item.awaiting for item in items) or not (state.settlement or state.settlement_task):
        return state
    return msgspec.structs.replace(state, settlement=None, settlement_task=_closed(state.settlement_task, why))


def _closed(task: SettlementTask | None, why: str) -> SettlementTask | None:
    return msgspec.structs.replace(task, state="closed", why=why) if task is not None and task.is_live else task


def _task_assigned(state: Dispute, event: e.SettlementTaskAssigned) -> Dispute:
    task = state.settlement_task
    if task is None:
        return state
    taken = msgspec.structs.replace(
        task, state="open" if event.owner is None else "taken", owner=event.owner, why=event.reason
    )
    return msgspec.structs.replace(state, settlement_task=taken)


def _task_done(state: Dispute, event: e.SettlementTaskDone) -> Dispute:
    task = state.settlement_task
    done = None if task is None else msgspec.structs.replace(task, state="done", why=event.result)
    return msgspec.structs.replace(state, settlement_task=done, settlement=event.settlement)


def _given_up(state: Dispute, event: e.SettlementGivenUp) -> Dispute:
    items = moved.given_up(state.items, event.shares, event.into)
    return msgspec.structs.replace(
        _unless_awaited(state, items, "given up"), status=Status.RESOLVED, items=items, given_up_because=event.reason
    )


def _seen(state: Dispute, invoice_id: str, ledger_version: int) -> Mapping[str, int]:
    return {**state.ledger_versions, invoice_id: max(ledger_version, state.ledger_versions.get(invoice_id, 0))}
