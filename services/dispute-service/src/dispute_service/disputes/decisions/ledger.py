"""Changes of a dispute without a person: postings of the ledger, and a promise whose time is over.

A posting is a fact: it is never refused, and counts once.
"""

from datetime import datetime
from typing import assert_never

from dispute_service.disputable_invoices.state import is_same
from dispute_service.disputes import commands as c
from dispute_service.disputes import events as e
from dispute_service.disputes.decisions.guards import breach_if_late, promise
from dispute_service.disputes.items import filled
from dispute_service.disputes.state import ENDED, Dispute, State, Status, UnopenedDispute, evolve
from dispute_service.routing.matrix import ResolutionMatrix


def decide(command: c.LedgerCommand, state: Dispute, policy: ResolutionMatrix, now: datetime) -> list[e.DisputeEvent]:
    match command:
        case c.ApplyPayment():
            return _apply_payment(command, state)
        case c.ApplyCreditMemo():
            return _apply_credit_memo(command, state)
        case c.ReversePayment():
            return _reverse_payment(command, state, policy)
        case c.NoteInvoice():
            return _note_invoice(command, state)
        case c.BreachSla():
            return _breach_sla(command, state, now)
    assert_never(command)


def _apply_payment(command: c.ApplyPayment, state: Dispute) -> list[e.DisputeEvent]:
    return _reduce(
        state,
        at=command.at,
        cause="payment",
        reference=command.payment_id,
        source=command.source,
        invoice_id=command.invoice_id,
        ledger_version=command.ledger_version,
        reduce_by=command.reduce_by,
    )


def _apply_credit_memo(command: c.ApplyCreditMemo, state: Dispute) -> list[e.DisputeEvent]:
    return _reduce(
        state,
        at=command.at,
        cause="credit-memo",
        reference=command.credit_memo_id,
        invoice_id=command.invoice_id,
        ledger_version=command.ledger_version,
        reduce_by=command.reduce_by,
    )


def _note_invoice(command: c.NoteInvoice, state: Dispute) -> list[e.DisputeEvent]:
    if command.ledger_version <= state.ledger_versions.get(command.invoice_id, 0):
        return []
    found: list[e.DisputeEvent] = []
    if any(item.invoice_id == command.invoice_id and not item.known for item in state.items):
        found.append(
            e.InvoiceBecameKnown(
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
    state: Dispute,
    *,
    at: datetime,
    cause: str,
    reference: str,
    invoice_id: str,
    ledger_version: int,
    reduce_by: int,
    source: str = "",
) -> list[e.DisputeEvent]:
    """A posting takes `reduce_by` from the invoice's items, in their order; a credit serves awaited credits first.

    A posting is a fact: it is never refused, takes no more than is open, and counts once. When nothing is left the
    dispute ends by it. A fact cannot count before the dispute was opened.
    """
    if ledger_version <= state.ledger_versions.get(invoice_id, 0):
        return []
    at = max(at, state.opened_at)
    room = [item.open if item.invoice_id == invoice_id else 0 for item in state.items]
    awaited = [item.awaiting_credit if item.invoice_id == invoice_id else 0 for item in state.items]
    parts = filled(reduce_by, awaited) if cause == "credit-memo" else [0] * len(room)
    rest = filled(reduce_by - sum(parts), [room[i] - parts[i] for i in range(len(room))])
    shares = tuple(e.Share(i, parts[i] + rest[i]) for i in range(len(room)) if parts[i] + rest[i])
    if not shares:
        return []
    reduced = e.AmountReduced(
        at=at,
        cause=cause,
        reference=reference,
        invoice_id=invoice_id,
        ledger_version=ledger_version,
        shares=shares,
        source=source,
    )
    return [reduced, *_end_if_nothing_is_left(evolve(state, reduced), at, cause, reference)]


def _end_if_nothing_is_left(state: State, at: datetime, cause: str, reference: str) -> list[e.DisputeEvent]:
    if isinstance(state, UnopenedDispute) or state.open:
        return []
    if state.status is Status.SETTLING:
        return [e.DisputeSettled(at=at)]
    if cause == "payment":
        code, words = "CUSTOMER_PAID", f"Payment {reference} left nothing of the dispute open."
    else:
        posting = f"Credit memo {reference}" if cause == "credit-memo" else f"The correction of invoice {reference}"
        code = "CREDIT_FULL" if all(item.paid == 0 for item in state.items) else "CREDIT_PARTIAL"
        words = f"{posting} left nothing of the dispute open."
    return [
        *breach_if_late(state, at),
        e.DisputeResolved(at=at, resolution_code=code, outcomes=(), by_ledger=True, explanation=words),
    ]


def _reverse_payment(command: c.ReversePayment, state: Dispute, policy: ResolutionMatrix) -> list[e.DisputeEvent]:
    """The amounts that the payment took come back, last taken first. A dispute that had not ended by
    withdrawal, as void or as rejected is open again afterwards."""
    if command.ledger_version <= state.ledger_versions.get(command.invoice_id, 0):
        return []
    back = [0] * len(state.items)
    left = command.amount
    for taken in reversed(state.taken):
        if (
            is_same((taken.source, taken.payment_id), (command.source, command.payment_id))
            and state.items[taken.item].invoice_id == command.invoice_id
        ):
            part = min(left, taken.amount)
            back[taken.item] += part
            left -= part
    shares = tuple(e.Share(index, part) for index, part in enumerate(back) if part)
    if not shares:
        return _without_its_short_payment(command, state) if command.made_it else []
    at = max(command.at, state.opened_at)
    into = _where_reversed_money_goes(state)
    reversed_ = e.PaymentReversed(
        at=at,
        payment_id=command.payment_id,
        invoice_id=command.invoice_id,
        ledger_version=command.ledger_version,
        shares=shares,
        into=into,
        source=command.source,
    )
    if into != "open" or state.is_active:
        return [reversed_]
    contested = state.open + sum(share.amount for share in shares)
    start = max(at, command.clock_from or at)
    routing, sla = promise(policy, state.reason_code, state.money(contested), state.legal_entity, start)
    return [
        reversed_,
        e.DisputeReopened(
            at=at,
            reason=f"Payment {command.payment_id} was reversed.",
            shares=(),
            by_ledger=True,
            routing=routing,
            sla=sla,
        ),
    ]


def _without_its_short_payment(command: c.ReversePayment, state: Dispute) -> list[e.DisputeEvent]:
    """The payment that made the dispute came back: nothing is deducted any more, and all of the invoice is to be paid.

    So the dispute ends with it, unless a person has judged the matter or reopened it: a finding about goods or prices
    does not depend on a payment, and what was granted stays granted. That the payment came back is noted either way.
    """
    at = max(command.at, state.opened_at)
    noted = e.PaymentReversed(
        at=at,
        payment_id=command.payment_id,
        invoice_id=command.invoice_id,
        ledger_version=command.ledger_version,
        shares=(),
        into="nothing",
        source=command.source,
    )
    if not state.is_active or state.verdict is not None or state.reopened_by_person:
        return [noted]
    return [
        noted,
        *breach_if_late(state, at),
        e.DisputeResolved(
            at=at,
            resolution_code="PAYMENT_RETURNED",
            outcomes=tuple(
                e.ItemOutcome(item=index, withdrawn=item.open) for index, item in enumerate(state.items) if item.open
            ),
            by_ledger=True,
            explanation=f"Payment {command.payment_id}, which was short and made the dispute, came back.",
        ),
    ]


def _where_reversed_money_goes(state: Dispute) -> str:
    if state.status not in ENDED:
        return "open"
    if state.resolution_code in ("WITHDRAWN", "VOID_LOGGED_IN_ERROR", "PAYMENT_RETURNED"):
        return "withdrawn"
    return "rejected" if state.resolution_code == "REJECTED_COLLECT" else "open"


def _breach_sla(command: c.BreachSla, state: Dispute, now: datetime) -> list[e.DisputeEvent]:
    if not state.is_active or command.due_at != state.sla.due_at or now < command.due_at:
        return []
    return breach_if_late(state, now)
