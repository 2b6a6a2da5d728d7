"""The document of a dispute, as lists, single reads and answers show it. It holds no personal text."""

from datetime import date, datetime
from typing import Literal, cast
from uuid import UUID

import msgspec
from msgspec import Struct

from dispute_service.disputes.events import PROPORTIONAL
from dispute_service.disputes.items import DisputeItem
from dispute_service.disputes.state import Dispute, State, TaskState, Verdict, allowed_actions
from dispute_service.routing.matrix import Routing
from redress.calendars import CalendarInputs
from redress.contracts.common import WireMoney, wire_in
from redress.ids import public_id

PREFIX = "dsp"
Mismatch = Literal["customer", "currency", "line"]


class ItemDocument(Struct, frozen=True, kw_only=True):
    """disputed = open + paid + credited + reduced + written_off + rejected + withdrawn. What awaits a posting of the
    ERP (credit, write-off, payment) is part of `open`; null, in what was stored before there was such a wait, is
    nothing.

    `reduced` is what a smaller invoice took away; null, in what was stored before it was told apart, is nothing.
    `claimed_back` is the part of `open` that is paid already: it is contested, holds nothing of the invoice, and is
    answered by a refund or a credit on account; `denied` is the part of `paid` that was claimed back in vain. Null is
    nothing. `valid` and `invalid` split `open` without what is awaited while a decision stands; else they are null.
    `known` says whether the ledger has reported the invoice. `mismatch` names what of that invoice is another than the
    item says: such an item holds nothing, counts in no limit, and stays open for a person. `legal_entity` is whose
    invoice it is; null where nobody has said it yet, and in what was stored before it was told.
    """

    invoice_id: str
    line: str | None
    known: bool
    disputed: WireMoney
    open: WireMoney
    paid: WireMoney
    credited: WireMoney
    written_off: WireMoney
    rejected: WireMoney
    withdrawn: WireMoney
    awaiting_credit: WireMoney
    valid: WireMoney | None
    invalid: WireMoney | None
    reduced: WireMoney | None = None
    mismatch: Mismatch | None = None
    legal_entity: str | None = None
    claimed_back: WireMoney | None = None
    denied: WireMoney | None = None
    awaiting_write_off: WireMoney | None = None
    awaiting_payment: WireMoney | None = None


class SlaDocument(Struct, frozen=True, kw_only=True):
    """The promise and everything it was computed from."""

    due_at: datetime
    breached: bool
    breached_at: datetime | None
    rule_id: str
    policy_version: int
    computed_from: CalendarInputs


class QuestionDocument(Struct, frozen=True, kw_only=True):
    asked: str
    due: date


class DecidedItemDocument(Struct, frozen=True, kw_only=True):
    """`item` is the position in the dispute's `items`."""

    item: int
    valid: WireMoney
    invalid: WireMoney


class DecisionDocument(Struct, frozen=True, kw_only=True):
    """The standing decision as it was taken, with every item that was open then. `spread`: the amounts per item were
    `stated`, or are `proportional` shares of stated totals."""

    valid: WireMoney
    invalid: WireMoney
    root_cause: str
    items: tuple[DecidedItemDocument, ...] = ()
    spread: str = PROPORTIONAL


class ResolutionDocument(Struct, frozen=True, kw_only=True):
    """`spread` says where the credits per item come from: `stated`, `proportional` to a stated total, or as `decided`;
    null where the code says it of all that was open."""

    code: str
    at: datetime | None
    spread: str | None = None


class SettlementTaskDocument(Struct, frozen=True, kw_only=True):
    """The task for accounting since `due_at`. `state` is open, taken (by `owner`), done or closed (nothing is awaited
    any more); `why` is the reason of the last handing over, the result, or why it was closed."""

    state: TaskState
    due_at: datetime
    owner: str | None
    why: str | None


class SettlementDocument(Struct, frozen=True, kw_only=True):
    """What the ERP is to post, and by when: `due_at` is null for what was granted before there were due dates, `policy`
    and `calendar` say where it comes from. `task` is there when the posting was overdue, also when it is over."""

    awaiting: WireMoney
    due_at: datetime | None
    policy: str | None
    calendar: str | None
    overdue: bool
    task: SettlementTaskDocument | None


class DisputeDocument(Struct, frozen=True, kw_only=True):
    """Totals are over the items. `opened_at` counts in the books; `version` is the ETag.

    What published events say too has the same name here; `sla`, `decision` and `resolution` say more about it. `id` is
    `dispute_id` under the name that every resource has. `claim_number` is the payer's own number of the matter.
    """

    id: str
    dispute_id: str
    version: int
    status: str
    customer_id: str
    reason_code: str
    root_cause: str | None
    origin: str
    external_reason: str | None
    legal_entity: str | None
    currency: str
    disputed: WireMoney
    open: WireMoney
    awaiting_credit: WireMoney
    items: tuple[ItemDocument, ...]
    opened_at: datetime
    owner: str | None
    team: str | None
    escalation_level: int
    escalated_to: str | None
    routing: Routing
    sla_due_at: datetime
    sla_breached: bool
    sla: SlaDocument
    question: QuestionDocument | None
    decision: DecisionDocument | None
    resolution_code: str | None
    resolution: ResolutionDocument | None
    reopen_reason: str | None
    allowed_actions: tuple[str, ...]
    claim_number: str | None = None
    settlement: SettlementDocument | None = None


class ListColumns(Struct, frozen=True, kw_only=True):
    """The columns that lists filter and sort by and the document does not have in this form. `search` is lower case."""

    open_minor: int
    invoice_ids: tuple[str, ...]
    search: str


class StoredDocument(Struct, frozen=True):
    """The document written with each append and into the history. Migration 0005 derives a list's columns from it."""

    row: ListColumns
    dispute: DisputeDocument


_encoder = msgspec.json.Encoder()


def dispute_id_of(stream_id: UUID) -> str:
    return public_id(PREFIX, stream_id)


def document(stream_id: UUID, version: int, state: Dispute) -> DisputeDocument:
    """The dispute as readers see it at this version."""
    verdict = state.verdict
    return DisputeDocument(
        id=dispute_id_of(stream_id),
        dispute_id=dispute_id_of(stream_id),
        version=version,
        status=state.status.value,
        customer_id=state.customer_id,
        reason_code=state.reason_code,
        root_cause=state.root_cause,
        origin=state.origin,
        external_reason=state.external_reason,
        legal_entity=state.legal_entity,
        currency=state.currency,
        disputed=_wire(sum(item.disputed for item in state.items), state),
        open=_wire(state.open, state),
        awaiting_credit=_wire(state.awaiting_credit, state),
        items=tuple(_item(item, state) for item in state.items),
        opened_at=state.opened_at,
        owner=state.owner,
        team=state.team,
        escalation_level=state.escalation_level,
        escalated_to=state.escalated_to,
        routing=state.routing,
        sla_due_at=state.sla.due_at,
        sla_breached=state.sla_breached_at is not None,
        sla=SlaDocument(
            due_at=state.sla.due_at,
            breached=state.sla_breached_at is not None,
            breached_at=state.sla_breached_at,
            rule_id=state.sla.rule_id,
            policy_version=state.sla.policy_version,
            computed_from=state.sla.inputs,
        ),
        question=QuestionDocument(asked=state.question.asked, due=state.question.due) if state.question else None,
        decision=_decision(verdict, state) if verdict else None,
        resolution_code=state.resolution_code,
        resolution=(
            ResolutionDocument(code=state.resolution_code, at=state.resolved_at, spread=state.credit_spread)
            if state.resolution_code
            else None
        ),
        reopen_reason=state.reopen_reason,
        allowed_actions=allowed_actions(state),
        claim_number=state.claim_number,
        settlement=_settlement(state),
    )


def _settlement(state: Dispute) -> SettlementDocument | None:
    """None as long as nothing is awaited and no task ever was."""
    due, task = state.settlement, state.settlement_task
    if not state.awaiting and task is None:
        return None
    return SettlementDocument(
        awaiting=_wire(state.awaiting, state),
        due_at=due.due_at if due else None,
        policy=due.policy if due else None,
        calendar=due.calendar if due else None,
        overdue=task is not None and task.is_live,
        task=(
            SettlementTaskDocument(state=task.state, due_at=task.due_at, owner=task.owner, why=task.why)
            if task
            else None
        ),
    )


def _decision(verdict: Verdict, state: Dispute) -> DecisionDocument:
    return DecisionDocument(
        valid=_wire(verdict.valid, state),
        invalid=_wire(verdict.invalid, state),
        root_cause=verdict.root_cause,
        items=tuple(
            DecidedItemDocument(item=part.item, valid=_wire(part.valid, state), invalid=_wire(part.invalid, state))
            for part in verdict.parts
        ),
        spread=verdict.spread,
    )


def stored_document(stream_id: UUID, version: int, state: Dispute) -> StoredDocument:
    shown = document(stream_id, version, state)
    invoice_ids = tuple(dict.fromkeys(item.invoice_id for item in state.items))
    words = (
        shown.dispute_id,
        state.customer_id,
        *invoice_ids,
        state.external_reason,
        state.claim_number,
        state.owner,
        state.team,
    )
    return StoredDocument(
        row=ListColumns(
            open_minor=state.open,
            invoice_ids=invoice_ids,
            search=" ".join(word for word in words if word).lower(),
        ),
        dispute=shown,
    )


def stored_json(stream_id: UUID, version: int, state: State) -> bytes | None:
    """The bytes that `es.write_current` takes. A dispute that was not opened has no document."""
    return _encoder.encode(stored_document(stream_id, version, state)) if isinstance(state, Dispute) else None


class _DisputePart(Struct, frozen=True):
    dispute: msgspec.Raw


_part = msgspec.json.Decoder(_DisputePart)


def dispute_part(stored_document: bytes) -> bytes:
    """The document in what `stored_json` made, as it stands there."""
    return bytes(_part.decode(stored_document).dispute)


def _item(item: DisputeItem, state: Dispute) -> ItemDocument:
    decided = item.valid or item.invalid
    return ItemDocument(
        invoice_id=item.invoice_id,
        line=item.line,
        known=item.known,
        disputed=_wire(item.disputed, state),
        open=_wire(item.open, state),
        paid=_wire(item.paid, state),
        credited=_wire(item.credited, state),
        written_off=_wire(item.written_off, state),
        rejected=_wire(item.rejected, state),
        withdrawn=_wire(item.withdrawn, state),
        awaiting_credit=_wire(item.awaiting_credit, state),
        valid=_wire(item.valid, state) if decided else None,
        invalid=_wire(item.invalid, state) if decided else None,
        reduced=_wire(item.reduced, state),
        mismatch=cast("Mismatch | None", item.mismatch),
        legal_entity=item.legal_entity,
        claimed_back=_wire(item.claimed_back, state) if item.claimed_back else None,
        denied=_wire(item.denied, state) if item.denied else None,
        awaiting_write_off=_wire(item.awaiting_write_off, state),
        awaiting_payment=_wire(item.awaiting_payment, state),
    )


def _wire(minor: int, state: Dispute) -> WireMoney:
    return wire_in(state.currency)(minor)
