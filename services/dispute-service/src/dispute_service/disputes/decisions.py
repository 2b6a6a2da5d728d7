"""What follows from a command: the events it makes, or a refusal. An empty list means that it is already so.

One function per command; `decide` finds it. `policy` is the resolution matrix in force, `now` the time it is asked.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import assert_never

from dispute_service.disputes.commands import (
    AddNote,
    ApplyCreditMemo,
    ApplyPayment,
    AssignByMatrix,
    AssignTo,
    BreachSla,
    Classify,
    Close,
    Decide,
    DisputeCommand,
    Escalate,
    NoteInvoice,
    Open,
    RecordInformation,
    Reopen,
    RequestInformation,
    Resolve,
    ReversePayment,
    Withdraw,
)
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
    ItemVerdict,
    NoteAdded,
    OpenedItem,
    PaymentReversed,
    Share,
    SlaBreached,
)
from dispute_service.disputes.outcomes import outcomes_of
from dispute_service.disputes.refusals import (
    AlreadyOpened,
    AnswerDueInPast,
    EffectiveBeforeOpening,
    EffectiveInFuture,
    EscalationNotHigher,
    ItemsRefused,
    NobodyNamed,
    NoSuchDispute,
    NothingToReopen,
    TooManyNotes,
    UnknownCode,
    VerdictDoesNotAddUp,
    WrongState,
)
from dispute_service.disputes.state import (
    ENDED,
    TRANSITIONS,
    Dispute,
    NotOpened,
    State,
    Status,
    allowed_actions,
    evolve,
    reopenable,
)
from dispute_service.policies.matrix import ResolutionMatrix, Routing, RoutingFacts, route
from dispute_service.policies.reasons import REASON_BY_CODE, RESOLUTION_CODES, ROOT_CAUSE_CODES
from dispute_service.policies.sla import Sla, sla_of
from redress.money import Money, allocate

MAX_ITEMS = 100
MAX_ENTRIES = 1_000
HIGHEST_LEVEL = 3


def decide(  # noqa: C901, PLR0911, PLR0912 - one arm per command
    command: DisputeCommand, state: State, policy: ResolutionMatrix, now: datetime
) -> list[DisputeEvent]:
    if isinstance(command, Open):
        return _open(command, state, policy, now)
    if isinstance(state, NotOpened):
        raise NoSuchDispute
    match command:
        case Classify():
            return _classify(command, state, policy, now)
        case AssignTo():
            return _assign_to(command, state, now)
        case AssignByMatrix():
            return _assign_by_matrix(command, state, policy, now)
        case RequestInformation():
            return _request_information(command, state, now)
        case RecordInformation():
            return _record_information(command, state, now)
        case AddNote():
            return _add_note(command, state, now)
        case Decide():
            return _decide(command, state, now)
        case Resolve():
            return _resolve(command, state, now)
        case Close():
            return _close(command, state, now)
        case Reopen():
            return _reopen(command, state, policy, now)
        case Withdraw():
            return _withdraw(command, state, now)
        case Escalate():
            return _escalate(command, state, now)
        case ApplyPayment():
            return _apply_payment(command, state)
        case ApplyCreditMemo():
            return _apply_credit_memo(command, state)
        case ReversePayment():
            return _reverse_payment(command, state, policy)
        case NoteInvoice():
            return _note_invoice(command, state)
        case BreachSla():
            return _breach_sla(command, state, now)
    assert_never(command)


def _open(command: Open, state: State, policy: ResolutionMatrix, now: datetime) -> list[DisputeEvent]:
    if isinstance(state, Dispute):
        same = (state.customer_id, state.opened_at, [(i.invoice_id, i.line, i.disputed) for i in state.items])
        if same != (command.customer_id, command.at, [(i.invoice_id, i.line, i.amount.minor) for i in command.items]):
            raise AlreadyOpened
        return []
    if command.at > now:
        raise EffectiveInFuture(command.at, now)
    if command.reason_code not in REASON_BY_CODE:
        raise UnknownCode("reason_code", command.reason_code, tuple(REASON_BY_CODE))
    amount = _contested(command)
    routing, sla = _promise(policy, command.reason_code, amount, command.legal_entity, command.at)
    return [
        DisputeOpened(
            at=command.at,
            customer_id=command.customer_id,
            currency=amount.currency,
            items=tuple(
                OpenedItem(invoice_id=item.invoice_id, line=item.line, amount=item.amount.minor, known=item.known)
                for item in command.items
            ),
            reason_code=command.reason_code,
            origin=command.origin,
            routing=routing,
            sla=sla,
            legal_entity=command.legal_entity,
            external_reason=command.external_reason,
            reason_explanation=command.reason_explanation,
            description=command.description,
            contact=command.contact,
        )
    ]


def _contested(command: Open) -> Money:
    """The total of the items. ItemsRefused for no or too many items, two currencies, zero, or one place twice."""
    if not 1 <= len(command.items) <= MAX_ITEMS:
        raise ItemsRefused("A dispute contests at least one item.", ("items",), f"1 to {MAX_ITEMS} items")
    contested = Money(0, command.items[0].amount.currency)
    places: set[tuple[str, str | None]] = set()
    for index, item in enumerate(command.items):
        if item.amount.currency != contested.currency:
            raise ItemsRefused(
                f"The first item is in {contested.currency}, this one in {item.amount.currency}: "
                "a dispute has one currency.",
                ("items", index, "amount", "currency"),
                contested.currency,
            )
        if item.amount.minor <= 0:
            raise ItemsRefused(
                f"{item.amount} cannot be contested.", ("items", index, "amount", "amount"), "more than zero"
            )
        if (item.invoice_id, item.line) in places:
            raise ItemsRefused(
                f"Invoice {item.invoice_id} {f'line {item.line} ' if item.line else ''}is contested twice.",
                ("items", index),
                "each invoice and line once",
            )
        places.add((item.invoice_id, item.line))
        contested += item.amount
    return contested


def _classify(command: Classify, state: Dispute, policy: ResolutionMatrix, now: datetime) -> list[DisputeEvent]:
    _may("classify", command.at, state, now)
    if command.reason_code not in REASON_BY_CODE:
        raise UnknownCode("reason_code", command.reason_code, tuple(REASON_BY_CODE))
    _known_root_cause(command.root_cause)
    if command.reason_code == state.reason_code and command.root_cause in (None, state.root_cause):
        return []
    routing: Routing | None = None
    sla: Sla | None = None
    if command.reason_code != state.reason_code:
        routing, sla = _promise(
            policy, command.reason_code, state.money(state.open), state.legal_entity, state.sla.inputs.start
        )
    return [
        DisputeClassified(
            at=command.at,
            from_reason=state.reason_code,
            to_reason=command.reason_code,
            root_cause=command.root_cause,
            routing=routing,
            sla=sla,
        )
    ]


def _assign_to(command: AssignTo, state: Dispute, now: datetime) -> list[DisputeEvent]:
    _may("assign", command.at, state, now)
    if command.owner is None and command.team is None:
        raise NobodyNamed
    # A new owner without a team stays in the dispute's team; a team alone takes the dispute into its queue.
    team = command.team or state.team
    if (command.owner, team) == (state.owner, state.team) and state.status is not Status.OPEN:
        return []
    return [
        DisputeAssigned(
            at=command.at,
            owner=command.owner,
            team=team,
            previous_owner=state.owner,
            previous_team=state.team,
            explanation=command.reason or "Assigned by a person.",
        )
    ]


def _assign_by_matrix(
    command: AssignByMatrix, state: Dispute, policy: ResolutionMatrix, now: datetime
) -> list[DisputeEvent]:
    _may("assign", command.at, state, now)
    routing, sla = _promise(
        policy, state.reason_code, state.money(state.open), state.legal_entity, state.sla.inputs.start
    )
    if (routing.owner, routing.team) == (state.owner, state.team) and state.status is not Status.OPEN:
        return []
    return [
        DisputeAssigned(
            at=command.at,
            owner=routing.owner,
            team=routing.team,
            previous_owner=state.owner,
            previous_team=state.team,
            explanation=routing.explanation,
            routing=routing,
            sla=sla if sla.due_at != state.sla.due_at else None,
        )
    ]


def _request_information(command: RequestInformation, state: Dispute, now: datetime) -> list[DisputeEvent]:
    if command.request_id in state.entries:
        return []
    _may("request-information", command.at, state, now)
    _room_for_entry(state)
    if command.due < command.at.date():
        raise AnswerDueInPast(command.due, command.at.date())
    return [
        InformationRequested(
            at=command.at, request_id=command.request_id, asked=command.asked, what=command.what, due=command.due
        )
    ]


def _record_information(command: RecordInformation, state: Dispute, now: datetime) -> list[DisputeEvent]:
    if command.record_id in state.entries:
        return []
    _may("record-information", command.at, state, now)
    _room_for_entry(state)
    return [InformationRecorded(at=command.at, record_id=command.record_id, text=command.text)]


def _add_note(command: AddNote, state: Dispute, now: datetime) -> list[DisputeEvent]:
    if command.note_id in state.entries:
        return []
    _may("add-note", command.at, state, now)
    _room_for_entry(state)
    return [NoteAdded(at=command.at, note_id=command.note_id, text=command.text, visibility=command.visibility)]


def _decide(command: Decide, state: Dispute, now: datetime) -> list[DisputeEvent]:
    _may("decide", command.at, state, now)
    _known_root_cause(command.root_cause)
    open_amount = state.money(state.open)
    valid, invalid = command.valid, command.invalid
    same_currency = valid.currency == invalid.currency == state.currency
    if not same_currency or valid.minor < 0 or invalid.minor < 0 or valid.minor + invalid.minor != open_amount.minor:
        raise VerdictDoesNotAddUp(valid, invalid, open_amount)
    verdict = state.verdict
    if verdict and (verdict.valid, verdict.invalid, verdict.root_cause) == (
        valid.minor,
        invalid.minor,
        command.root_cause,
    ):
        return []
    valid_parts = allocate(valid.minor, [item.open for item in state.items])
    return [
        DisputeDecided(
            at=command.at,
            valid=valid.minor,
            invalid=invalid.minor,
            verdicts=tuple(
                ItemVerdict(item=index, valid=part, invalid=item.open - part)
                for index, (item, part) in enumerate(zip(state.items, valid_parts, strict=True))
                if item.open
            ),
            root_cause=command.root_cause,
            rationale=command.rationale,
        )
    ]


def _resolve(command: Resolve, state: Dispute, now: datetime) -> list[DisputeEvent]:
    if (
        state.status in (Status.SETTLING, Status.RESOLVED, Status.CLOSED)
        and state.resolution_code == command.resolution_code
    ):
        return []
    _may("resolve", command.at, state, now)
    if command.resolution_code not in {code.code for code in RESOLUTION_CODES}:
        raise UnknownCode("resolution_code", command.resolution_code, tuple(code.code for code in RESOLUTION_CODES))
    outcomes = outcomes_of(command.resolution_code, command.credited, state)
    return [
        *_late(state, command.at),
        DisputeResolved(
            at=command.at,
            resolution_code=command.resolution_code,
            outcomes=outcomes,
            rationale=command.rationale,
        ),
    ]


def _close(command: Close, state: Dispute, now: datetime) -> list[DisputeEvent]:
    if state.status is Status.CLOSED:
        return []
    _may("close", command.at, state, now)
    return [DisputeClosed(at=command.at)]


def _reopen(command: Reopen, state: Dispute, policy: ResolutionMatrix, now: datetime) -> list[DisputeEvent]:
    if state.is_active and state.reopen_reason == command.reason:
        return []
    if state.status not in TRANSITIONS["reopen"]:
        raise WrongState("reopen", state.status, allowed_actions(state))
    _in_time(command.at, state, now)
    if not any(reopenable(item) for item in state.items):
        raise NothingToReopen
    shares = tuple(
        Share(index, back)
        for index, item in enumerate(state.items)
        if (back := reopenable(item) - item.awaiting_credit)
    )
    contested = state.open + sum(share.amount for share in shares)
    routing, sla = _promise(policy, state.reason_code, state.money(contested), state.legal_entity, command.at)
    return [DisputeReopened(at=command.at, reason=command.reason, shares=shares, routing=routing, sla=sla)]


def _withdraw(command: Withdraw, state: Dispute, now: datetime) -> list[DisputeEvent]:
    if state.status is Status.WITHDRAWN:
        return []
    _may("withdraw", command.at, state, now)
    shares = tuple(Share(index, item.open) for index, item in enumerate(state.items) if item.open)
    return [*_late(state, command.at), DisputeWithdrawn(at=command.at, reason=command.reason, shares=shares)]


def _escalate(command: Escalate, state: Dispute, now: datetime) -> list[DisputeEvent]:
    _may("escalate", command.at, state, now)
    if command.level == state.escalation_level and command.to in (None, state.escalated_to):
        return []
    if not state.escalation_level < command.level <= HIGHEST_LEVEL:
        raise EscalationNotHigher(command.level, state.escalation_level, HIGHEST_LEVEL)
    to = command.to
    if to is None and state.routing.backup is not None:
        to = state.routing.backup
    return [DisputeEscalated(at=command.at, level=command.level, reason=command.reason, to=to)]


def _apply_payment(command: ApplyPayment, state: Dispute) -> list[DisputeEvent]:
    return _reduce(
        state,
        at=command.at,
        cause="payment",
        reference=command.payment_id,
        invoice_id=command.invoice_id,
        ledger_version=command.ledger_version,
        reduce_by=command.reduce_by,
    )


def _apply_credit_memo(command: ApplyCreditMemo, state: Dispute) -> list[DisputeEvent]:
    return _reduce(
        state,
        at=command.at,
        cause="credit-memo",
        reference=command.credit_memo_id,
        invoice_id=command.invoice_id,
        ledger_version=command.ledger_version,
        reduce_by=command.reduce_by,
    )


def _note_invoice(command: NoteInvoice, state: Dispute) -> list[DisputeEvent]:
    if command.ledger_version <= state.ledger_versions.get(command.invoice_id, 0):
        return []
    found: list[DisputeEvent] = []
    if any(item.invoice_id == command.invoice_id and not item.known for item in state.items):
        found.append(
            InvoiceBecameKnown(
                at=max(command.at, state.opened_at),
                invoice_id=command.invoice_id,
                legal_entity=command.legal_entity,
                ledger_version=command.ledger_version,
            )
        )
    return found + _reduce(
        state,
        at=command.at,
        cause="invoice-changed",
        reference=command.invoice_id,
        invoice_id=command.invoice_id,
        ledger_version=command.ledger_version,
        reduce_by=command.reduce_by,
    )


def _reduce(
    state: Dispute, *, at: datetime, cause: str, reference: str, invoice_id: str, ledger_version: int, reduce_by: int
) -> list[DisputeEvent]:
    """A posting takes `reduce_by` from the invoice's items, in their order; a credit serves awaited credits first.

    A posting is a fact: it is never refused, takes no more than is open, and counts once. When nothing is left the
    dispute ends by it. A fact cannot count before the dispute was opened.
    """
    if ledger_version <= state.ledger_versions.get(invoice_id, 0):
        return []
    at = max(at, state.opened_at)
    room = [item.open if item.invoice_id == invoice_id else 0 for item in state.items]
    awaited = [item.awaiting_credit if item.invoice_id == invoice_id else 0 for item in state.items]
    parts = _fill(reduce_by, awaited) if cause == "credit-memo" else [0] * len(room)
    rest = _fill(reduce_by - sum(parts), [room[i] - parts[i] for i in range(len(room))])
    shares = tuple(Share(i, parts[i] + rest[i]) for i in range(len(room)) if parts[i] + rest[i])
    if not shares:
        return []
    reduced = AmountReduced(
        at=at,
        cause=cause,
        reference=reference,
        invoice_id=invoice_id,
        ledger_version=ledger_version,
        shares=shares,
    )
    return [reduced, *_end_if_nothing_is_left(evolve(state, reduced), at, cause, reference)]


def _fill(amount: int, rooms: Sequence[int]) -> list[int]:
    parts = []
    for room in rooms:
        part = min(amount, room)
        parts.append(part)
        amount -= part
    return parts


def _end_if_nothing_is_left(state: State, at: datetime, cause: str, reference: str) -> list[DisputeEvent]:
    if isinstance(state, NotOpened) or state.open:
        return []
    if state.status is Status.SETTLING:
        return [DisputeSettled(at=at)]
    if cause == "payment":
        code, words = "CUSTOMER_PAID", f"Payment {reference} left nothing of the dispute open."
    else:
        posting = f"Credit memo {reference}" if cause == "credit-memo" else f"The correction of invoice {reference}"
        code = "CREDIT_FULL" if all(item.paid == 0 for item in state.items) else "CREDIT_PARTIAL"
        words = f"{posting} left nothing of the dispute open."
    return [
        *_late(state, at),
        DisputeResolved(at=at, resolution_code=code, outcomes=(), by_ledger=True, explanation=words),
    ]


def _reverse_payment(command: ReversePayment, state: Dispute, policy: ResolutionMatrix) -> list[DisputeEvent]:
    """What the payment took comes back, last taken first. A dispute that had ended otherwise than by giving the
    contest up (withdrawn, void, rejected) is open again by that."""
    if command.ledger_version <= state.ledger_versions.get(command.invoice_id, 0):
        return []
    back = [0] * len(state.items)
    left = command.amount
    for taken in reversed(state.taken):
        if taken.payment_id == command.payment_id and state.items[taken.item].invoice_id == command.invoice_id:
            part = min(left, taken.amount)
            back[taken.item] += part
            left -= part
    shares = tuple(Share(index, part) for index, part in enumerate(back) if part)
    if not shares:
        return []
    at = max(command.at, state.opened_at)
    into = _where_reversed_money_goes(state)
    reversed_ = PaymentReversed(
        at=at,
        payment_id=command.payment_id,
        invoice_id=command.invoice_id,
        ledger_version=command.ledger_version,
        shares=shares,
        into=into,
    )
    if into != "open" or state.is_active:
        return [reversed_]
    contested = state.open + sum(share.amount for share in shares)
    routing, sla = _promise(policy, state.reason_code, state.money(contested), state.legal_entity, at)
    return [
        reversed_,
        DisputeReopened(
            at=at,
            reason=f"Payment {command.payment_id} was reversed.",
            shares=(),
            by_ledger=True,
            routing=routing,
            sla=sla,
        ),
    ]


def _where_reversed_money_goes(state: Dispute) -> str:
    if state.status not in ENDED:
        return "open"
    if state.resolution_code in ("WITHDRAWN", "VOID_LOGGED_IN_ERROR"):
        return "withdrawn"
    return "rejected" if state.resolution_code == "REJECTED_COLLECT" else "open"


def _breach_sla(command: BreachSla, state: Dispute, now: datetime) -> list[DisputeEvent]:
    if not state.is_active or command.due_at != state.sla.due_at or now < command.due_at:
        return []
    return _late(state, now)


def _late(state: Dispute, at: datetime) -> list[DisputeEvent]:
    """The breach, if the dispute is answered at `at` and that is too late and was not noted yet."""
    if state.sla_breached_at is not None or at <= state.sla.due_at:
        return []
    return [SlaBreached(at=state.sla.due_at, due_at=state.sla.due_at)]


def _promise(
    policy: ResolutionMatrix, reason_code: str, amount: Money, legal_entity: str | None, start: datetime
) -> tuple[Routing, Sla]:
    routing = route(policy, RoutingFacts(reason_code=reason_code, amount=amount, legal_entity=legal_entity))
    return routing, sla_of(policy, routing, start)


def _may(action: str, at: datetime, state: Dispute, now: datetime) -> None:
    if state.status not in TRANSITIONS[action]:
        raise WrongState(action, state.status, allowed_actions(state))
    _in_time(at, state, now)


def _in_time(at: datetime, state: Dispute, now: datetime) -> None:
    if at > now:
        raise EffectiveInFuture(at, now)
    if at < state.opened_at:
        raise EffectiveBeforeOpening(at, state.opened_at)


def _known_root_cause(code: str | None) -> None:
    if code is not None and code not in ROOT_CAUSE_CODES:
        raise UnknownCode("root_cause", code, tuple(sorted(ROOT_CAUSE_CODES)))


def _room_for_entry(state: Dispute) -> None:
    if len(state.entries) >= MAX_ENTRIES:
        raise TooManyNotes(MAX_ENTRIES)
