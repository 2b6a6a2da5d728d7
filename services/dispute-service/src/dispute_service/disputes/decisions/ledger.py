"""Changes of a dispute without a person: postings of the ledger, and a promise whose time is over.

A posting is a fact: it is never refused, and counts once.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import assert_never

from msgspec import structs

from dispute_service.disputable_invoices.state import is_same
from dispute_service.disputes import commands as c
from dispute_service.disputes import events as e
from dispute_service.disputes.decisions.guards import breach_if_late, promise
from dispute_service.disputes.items import CREDIT_ORDER, ORDERS, CreditShare, DisputeItem, filled, part
from dispute_service.disputes.settlement_terms import settlement
from dispute_service.disputes.state import ENDED, Dispute, State, Status, UnopenedDispute, evolve
from dispute_service.routing.matrix import ResolutionMatrix


def decide(  # noqa: PLR0911 - one arm per command
    command: c.LedgerCommand, state: Dispute, policy: ResolutionMatrix, now: datetime
) -> list[e.DisputeEvent]:
    match command:
        case c.ApplyPayment():
            return _apply_payment(command, state)
        case c.ApplyCreditMemo():
            return _apply_credit_memo(command, state)
        case c.ApplyWriteOff():
            return _apply_write_off(command, state)
        case c.ReversePayment():
            return _reverse_payment(command, state, policy)
        case c.ReverseCreditMemo():
            return _reverse_credit_memo(command, state, policy)
        case c.NoteInvoice():
            return _note_invoice(command, state)
        case c.FitToInvoice():
            return _fit_to_invoice(command, state)
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
        source=command.source,
        invoice_id=command.invoice_id,
        ledger_version=command.ledger_version,
        reduce_by=command.reduce_by,
    )


def _apply_write_off(command: c.ApplyWriteOff, state: Dispute) -> list[e.DisputeEvent]:
    """A write-off ends a dispute as what the ERP posted, and is never called a credit."""
    events = _reduce(
        state,
        at=command.at,
        cause="write-off",
        reference=command.write_off_id,
        invoice_id=command.invoice_id,
        ledger_version=command.ledger_version,
        reduce_by=command.reduce_by,
    )
    if command.kind == "small_difference":
        return events
    return [
        structs.replace(event, resolution_code="WRITE_OFF_BAD_DEBT")
        if isinstance(event, e.DisputeResolved) and event.resolution_code == "WRITE_OFF_SMALL"
        else event
        for event in events
    ]


def _note_invoice(command: c.NoteInvoice, state: Dispute) -> list[e.DisputeEvent]:
    """The dispute learns of the invoice, and which of its items name another one than it is."""
    found: list[e.DisputeEvent] = []
    at = max(command.at, state.opened_at)
    if any(item.invoice_id == command.invoice_id and not item.known for item in state.items):
        found.append(
            e.InvoiceBecameKnown(
                at=at,
                invoice_id=command.invoice_id,
                legal_entity=command.legal_entity,
                ledger_version=command.ledger_version,
            )
        )
    compared = tuple(
        e.ItemMismatch(index, mismatch)
        for index, item in enumerate(state.items)
        if item.invoice_id == command.invoice_id
        and item.open
        and (mismatch := _mismatch(command, state, item)) != item.mismatch
    )
    if compared:
        found.append(e.ItemsCompared(at=at, invoice_id=command.invoice_id, items=compared))
    return found


def _mismatch(command: c.NoteInvoice, state: Dispute, item: DisputeItem) -> str | None:
    if command.customer_id != state.customer_id:
        return "customer"
    if command.currency != state.currency:
        return "currency"
    # A line that was there when it was contested is none that the dispute got wrong: the ERP numbers lines anew.
    is_to_be_found = item.line is not None and (not item.known or item.mismatch is not None)
    return "line" if is_to_be_found and command.lines and item.line not in command.lines else None


def _fit_to_invoice(command: c.FitToInvoice, state: Dispute) -> list[e.DisputeEvent]:
    """What the invoice does not ask for is contested no longer. The same posting may do this beside another effect."""
    if command.ledger_version < state.ledger_versions.get(command.invoice_id, 0):
        return []
    places = [
        item.invoice_id == command.invoice_id and command.line in (None, item.line) and item.mismatch is None
        for item in state.items
    ]
    return _reduced(
        state,
        command.reduce_by,
        places,
        e.AmountReduced(
            at=max(command.at, state.opened_at),
            cause="invoice-changed",
            reference=command.invoice_id,
            invoice_id=command.invoice_id,
            ledger_version=command.ledger_version,
            shares=(),
            into="reduced",
        ),
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
    """A posting takes `reduce_by` from the invoice's items.

    A posting is a fact: it is never refused, takes no more than is open, and counts once. When nothing is left the
    dispute ends by it. A fact cannot count before the dispute was opened.
    """
    if ledger_version <= state.ledger_versions.get(invoice_id, 0):
        return []
    reduced = e.AmountReduced(
        at=max(at, state.opened_at),
        cause=cause,
        reference=reference,
        invoice_id=invoice_id,
        ledger_version=ledger_version,
        shares=(),
        source=source,
    )
    places = [item.invoice_id == invoice_id and item.mismatch is None for item in state.items]
    return _reduced(state, reduce_by, places, reduced)


def _reduced(state: Dispute, reduce_by: int, places: Sequence[bool], reduced: e.AmountReduced) -> list[e.DisputeEvent]:
    """`reduce_by` in shares of the items that it may come from, in their order. The posting that is awaited comes first
    everywhere."""
    order = ORDERS.get(reduced.cause, CREDIT_ORDER)
    rooms = [part(item, name) * may for name in order for item, may in zip(state.items, places, strict=True)]
    parts = filled(reduce_by, rooms)
    count = len(state.items)
    shares = tuple(e.Share(index, amount) for index in range(count) if (amount := sum(parts[index::count])))
    if not shares:
        return []
    reduced = structs.replace(reduced, shares=shares)
    return [reduced, *_end_if_nothing_is_left(evolve(state, reduced), reduced)]


def _end_if_nothing_is_left(after: State, reduced: e.AmountReduced) -> list[e.DisputeEvent]:
    if isinstance(after, UnopenedDispute) or after.contested or (after.status is Status.SETTLING and after.open):
        return []
    if after.status is Status.SETTLING:
        return [e.DisputeSettled(at=reduced.at)]
    code, posting = _ended_by(after, reduced)
    left = "nothing of the dispute open" if not after.open else f"nothing open but {_still_awaited(after)}"
    return [
        *breach_if_late(after, reduced.at),
        e.DisputeResolved(
            at=reduced.at,
            resolution_code=code,
            outcomes=(),
            by_ledger=True,
            explanation=f"{posting} left {left}.",
        ),
    ]


def _still_awaited(after: Dispute) -> str:
    return "the credit that was granted" if after.awaiting_credit else "what the ERP is still to post"


def _ended_by(after: Dispute, reduced: e.AmountReduced) -> tuple[str, str]:
    """The resolution code, and the posting in words."""
    granted = "CREDIT_PARTIAL" if after.awaiting_credit else after.awaited_as
    if reduced.cause == "payment":
        return granted if granted and after.open else "CUSTOMER_PAID", f"Payment {reduced.reference}"
    if reduced.cause == "write-off":
        return granted if granted and after.open else "WRITE_OFF_SMALL", f"Write-off {reduced.reference}"
    if reduced.cause == "invoice-changed":
        return "INVOICE_REDUCED", f"The smaller amount of invoice {reduced.reference}"
    is_all_credited = all(item.paid == item.reduced == item.posted_off == 0 for item in after.items) and not after.open
    return "CREDIT_FULL" if is_all_credited else "CREDIT_PARTIAL", f"Credit memo {reduced.reference}"


def _reverse_payment(command: c.ReversePayment, state: Dispute, policy: ResolutionMatrix) -> list[e.DisputeEvent]:
    """The amounts that the payment took come back, last taken first. What it confirmed of an ended dispute is awaited
    again. For the rest, a dispute that had not ended by withdrawal, as void or as rejected is open again afterwards."""
    if command.ledger_version <= state.ledger_versions.get(command.invoice_id, 0):
        return []
    awaited, others = _taken_by(command, state)
    if not awaited and not others:
        return _without_its_short_payment(command, state) if command.made_it else []
    at = max(command.at, state.opened_at)
    start = max(at, command.clock_from or at)
    found: list[e.DisputeEvent] = []
    reversed_ = e.PaymentReversed(
        at=at,
        payment_id=command.payment_id,
        invoice_id=command.invoice_id,
        ledger_version=command.ledger_version,
        shares=(),
        into=_where_reversed_money_goes(state),
        source=command.source,
    )
    if awaited:
        due = settlement(command.terms, awaited, policy, state.routing.calendar, start)
        shares = _shares_of(awaited.values(), state)
        found.append(structs.replace(reversed_, shares=shares, into="awaiting", settlement=due))
    if not others:
        return found
    reversed_ = structs.replace(reversed_, shares=_shares_of([others], state))
    found.append(reversed_)
    if reversed_.into != "open" or state.is_active:
        return found
    contested = state.contested + sum(others.values())
    routing, sla = promise(policy, state.reason_code, state.money(contested), state.legal_entity, start)
    reopened = e.DisputeReopened(
        at=at,
        reason=f"Payment {command.payment_id} was {'taken off the invoice' if command.unapplied else 'reversed'}.",
        shares=(),
        by_ledger=True,
        routing=routing,
        sla=sla,
        keeps_grants=True,
    )
    return [*found, reopened]


Amounts = dict[int, int]
"""Amounts by the position of the item."""


def _taken_by(command: c.ReversePayment, state: Dispute) -> tuple[dict[str, Amounts], Amounts]:
    """What comes back of the payment: by the posting that it is awaited as again, and the rest."""
    awaited: dict[str, Amounts] = {}
    others: Amounts = {}
    left = command.amount
    is_over = state.status in ENDED | {Status.SETTLING}
    for taken in reversed(state.taken):
        is_it = is_same((taken.source, taken.payment_id), (command.source, command.payment_id))
        is_here = state.items[taken.item].invoice_id == command.invoice_id
        if back := min(left, taken.amount) if is_it and is_here else 0:
            left -= back
            into = awaited.setdefault(taken.awaited, {}) if taken.awaited and is_over else others
            into[taken.item] = into.get(taken.item, 0) + back
    return awaited, others


def _shares_of(amounts: Iterable[Amounts], state: Dispute) -> tuple[e.Share, ...]:
    by_item = [sum(each.get(index, 0) for each in amounts) for index in range(len(state.items))]
    return tuple(e.Share(index, amount) for index, amount in enumerate(by_item) if amount)


def _without_its_short_payment(command: c.ReversePayment, state: Dispute) -> list[e.DisputeEvent]:
    """The payment that made the dispute came back, or was taken off the invoice: nothing is deducted any more, and all
    of the invoice is to be paid.

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
    words = "was taken off the invoice" if command.unapplied else "came back"
    return [
        noted,
        *breach_if_late(state, at),
        e.DisputeResolved(
            at=at,
            resolution_code="PAYMENT_RETURNED",
            outcomes=tuple(
                e.ItemOutcome(item=index, withdrawn=item.contested)
                for index, item in enumerate(state.items)
                if item.contested
            ),
            by_ledger=True,
            explanation=f"Payment {command.payment_id}, which was short and made the dispute, {words}.",
        ),
    ]


def _reverse_credit_memo(
    command: c.ReverseCreditMemo, state: Dispute, policy: ResolutionMatrix
) -> list[e.DisputeEvent]:
    """The amounts that the credit memo took come back, last taken first. A credit that had been granted stays granted
    and is awaited again, as long as nobody has reopened the dispute; else as for a payment."""
    if command.ledger_version <= state.ledger_versions.get(command.invoice_id, 0):
        return []
    taken = [
        each
        for each in reversed(state.credited)
        if is_same((each.source, each.credit_memo_id), (command.source, command.credit_memo_id))
        and state.items[each.item].invoice_id == command.invoice_id
    ]
    back = [0] * len(state.items)
    for each, amount in zip(taken, filled(command.amount, [each.amount for each in taken]), strict=True):
        back[each.item] += amount
    shares = tuple(e.Share(index, amount) for index, amount in enumerate(back) if amount)
    if not shares:
        return []
    at = max(command.at, state.opened_at)
    is_awaited = state.status in ENDED | {Status.SETTLING} and any(each.granted for each in taken)
    into = "awaiting" if is_awaited else _where_reversed_money_goes(state)
    start = max(at, command.clock_from or at)
    reversed_ = e.CreditReversed(
        at=at,
        credit_memo_id=command.credit_memo_id,
        invoice_id=command.invoice_id,
        ledger_version=command.ledger_version,
        shares=shares,
        into=into,
        source=command.source,
        settlement=_awaited_anew(taken, command, state, policy, start) if is_awaited else None,
    )
    if into != "open" or state.is_active:
        return [reversed_]
    contested = state.contested + sum(share.amount for share in shares)
    routing, sla = promise(policy, state.reason_code, state.money(contested), state.legal_entity, start)
    words = "taken off the invoice" if command.unapplied else "reversed"
    reopened = e.DisputeReopened(
        at=at,
        reason=f"Credit memo {command.credit_memo_id} was {words}.",
        shares=(),
        by_ledger=True,
        routing=routing,
        sla=sla,
        keeps_grants=True,
    )
    return [reversed_, reopened]


def _awaited_anew(
    taken: Iterable[CreditShare],
    command: c.ReverseCreditMemo,
    state: Dispute,
    policy: ResolutionMatrix,
    start: datetime,
) -> e.Settlement | None:
    kinds = ["credit"]
    for each in taken:
        kinds += [kind for kind, amount in (("write_off", each.write_off), ("payment", each.payment)) if amount]
    return settlement(command.terms, kinds, policy, state.routing.calendar, start)


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
