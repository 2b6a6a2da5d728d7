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

from dispute_service.disputable_invoices.state import is_same
from dispute_service.disputes import events as e
from dispute_service.disputes import items as moved
from dispute_service.disputes.items import (
    ClaimAnswer,
    CreditShare,
    DisputeItem,
    PaymentShare,
    WriteOffShare,
    reopenable,
)
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
ANSWERS = frozenset({"refund", "credit-on-account"})
"""Causes that answer claims after payment."""
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
    claim_number: str | None = None
    short_payment: e.ShortPayment | None = None
    lost_short_payment: bool = False  # nothing of it is left on the invoice
    is_judged: bool = False  # by a person: decided, resolved or reopened, however it went on
    taken: tuple[PaymentShare, ...] = ()
    credited: tuple[CreditShare, ...] = ()
    posted_off: tuple[WriteOffShare, ...] = ()
    protested: tuple[PaymentShare, ...] = ()
    answers: tuple[ClaimAnswer, ...] = ()
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

    def paid_by(self, payment: tuple[str, str], invoice_id: str) -> int:
        """What a payment (source, number) took from it on an invoice, or paid under protest, and kept."""
        taken = (*self.taken, *self.protested)
        mine = [each for each in taken if self.items[each.item].invoice_id == invoice_id]
        return sum(each.amount for each in mine if is_same(each.posting, payment))

    def written_off_by(self, write_off: tuple[str, str], invoice_id: str) -> int:
        """The same of a write-off."""
        mine = [each for each in self.posted_off if self.items[each.item].invoice_id == invoice_id]
        return sum(each.amount for each in mine if is_same(each.posting, write_off))

    def credited_by(self, memo: tuple[str, str], invoice_id: str) -> tuple[int, int]:
        """The same of a credit memo; and how much of it had been granted."""
        mine = [each for each in self.credited if self.items[each.item].invoice_id == invoice_id]
        of_it = [each for each in mine if is_same((each.source, each.credit_memo_id), memo)]
        return sum(each.amount for each in of_it), sum(each.granted for each in of_it)


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
        case e.WriteOffReversed():
            return _write_off_reversed(state, event)
        case e.PaidUnderProtest():
            return _paid_under_protest(state, event)
        case e.ClaimHeldAgain():
            return _claim_held_again(state, event)
        case e.AnswerReversed():
            return _answer_reversed(state, event)
        case e.ClaimDenied():
            return msgspec.structs.replace(state, items=moved.denied(state.items, event.shares))
        case e.InvoiceBecameKnown():
            return msgspec.structs.replace(
                state,
                items=moved.known(state.items, event.invoice_id, event.legal_entity, shares_number=event.shares_number),
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
        items=moved.contested(event.items, event.claimed_back),
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
        is_judged=True,
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
        is_judged=state.is_judged or not event.by_ledger,
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
        is_judged=state.is_judged or not event.by_ledger,
        taken=state.taken if event.keeps_grants else moved.for_good(state.taken),
        posted_off=state.posted_off if event.keeps_grants else moved.for_good(state.posted_off),
        routing=event.routing or state.routing,
        sla=event.sla or state.sla,
        sla_breached_at=None if event.sla else state.sla_breached_at,
    )


def _reduced(state: Dispute, event: e.AmountReduced) -> Dispute:
    taken: tuple[PaymentShare, ...] = ()
    credited: tuple[CreditShare, ...] = ()
    posted_off: tuple[WriteOffShare, ...] = ()
    if event.cause == "payment":
        items, taken = moved.reduced_by_payment(state.items, event.shares, event.reference, event.source)
    elif event.into == "reduced":
        items = moved.reduced_by_invoice(state.items, event.shares)
    elif event.cause == "write-off":
        items, posted_off = moved.reduced_by_write_off(state.items, event.shares, event.reference, event.source)
    elif event.cause in ANSWERS:
        return _claims_answered(state, event)
    else:
        items = moved.reduced_by_credit(state.items, event.shares)
    if event.cause == "credit-memo":
        credited = moved.taken_by_credit(state.items, items, event.reference, event.source)
    return msgspec.structs.replace(
        _unless_awaited(state, items, "posted"),
        items=items,
        taken=(*state.taken, *taken),
        credited=(*state.credited, *credited),
        posted_off=(*state.posted_off, *posted_off),
        ledger_versions=_seen(state, event.invoice_id, event.ledger_version),
    )


def _claims_answered(state: Dispute, event: e.AmountReduced) -> Dispute:
    items = moved.claims_answered(state.items, event.shares)
    answers = moved.answers_of(state.items, items, event)
    after = _unless_awaited(state, items, "posted")
    return msgspec.structs.replace(after, items=items, answers=(*state.answers, *answers))


def _answer_reversed(state: Dispute, event: e.AnswerReversed) -> Dispute:
    items, answers = moved.answer_given_back(state.items, state.answers, event)
    return msgspec.structs.replace(_come_back(state, event, items), answers=answers)


def _paid_under_protest(state: Dispute, event: e.PaidUnderProtest) -> Dispute:
    paid = (PaymentShare(event.payment_id, share.item, share.amount, event.source) for share in event.shares)
    return msgspec.structs.replace(
        state,
        items=moved.paid_under_protest(state.items, event.shares),
        protested=(*state.protested, *paid),
        ledger_versions=_seen(state, event.invoice_id, event.ledger_version),
    )


def _claim_held_again(state: Dispute, event: e.ClaimHeldAgain) -> Dispute:
    protested = state.protested
    if event.payment_id is not None:
        for share in event.shares:
            protested, _ = moved.untaken(protested, (event.source, event.payment_id), share.item, share.amount)
    return msgspec.structs.replace(
        state,
        items=moved.held_again(state.items, event.shares),
        protested=protested,
        ledger_versions=_seen(state, event.invoice_id, event.ledger_version),
    )


def _credit_reversed(state: Dispute, event: e.CreditReversed) -> Dispute:
    items, credited = moved.credit_given_back(state.items, state.credited, event)
    return msgspec.structs.replace(_come_back(state, event, items), credited=credited)


def _payment_reversed(state: Dispute, event: e.PaymentReversed) -> Dispute:
    items, taken = moved.given_back(state.items, state.taken, event)
    lost = state.lost_short_payment or event.into == "nothing"
    return msgspec.structs.replace(_come_back(state, event, items), taken=taken, lost_short_payment=lost)


def _write_off_reversed(state: Dispute, event: e.WriteOffReversed) -> Dispute:
    items, posted_off = moved.write_off_given_back(state.items, state.posted_off, event)
    return msgspec.structs.replace(_come_back(state, event, items), posted_off=posted_off)


def _come_back(
    state: Dispute,
    event: e.CreditReversed | e.PaymentReversed | e.WriteOffReversed | e.AnswerReversed,
    items: moved.Items,
) -> Dispute:
    """What a posting had taken is awaited again, or contested, and then no verdict stands on it any more."""
    reopens_verdict = event.into == "open" and state.status is Status.DECIDED
    status = Status.INVESTIGATING if reopens_verdict else state.status
    heard = state.ledger_versions
    if not isinstance(event, e.AnswerReversed):  # money on account is on no invoice
        heard = _seen(state, event.invoice_id, event.ledger_version)
    return msgspec.structs.replace(
        state,
        status=Status.SETTLING if event.into == "awaiting" else status,
        items=moved.without_verdict(items) if reopens_verdict else items,
        verdict=None if reopens_verdict else state.verdict,
        settlement=event.settlement or state.settlement,
        ledger_versions=heard,
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
    items = moved.given_up(state.items, event.shares, event.into, event.denied)
    return msgspec.structs.replace(
        _unless_awaited(state, items, "given up"), status=Status.RESOLVED, items=items, given_up_because=event.reason
    )


def _seen(state: Dispute, invoice_id: str, ledger_version: int) -> Mapping[str, int]:
    return {**state.ledger_versions, invoice_id: max(ledger_version, state.ledger_versions.get(invoice_id, 0))}
