"""Changes of a dispute without a person: postings of the ledger, and a promise whose time is over.

A posting is a fact: it is never refused, and counts once.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import assert_never

from msgspec import structs

from dispute_service.disputable_invoices.state import is_same
from dispute_service.disputes import commands as c
from dispute_service.disputes import events as e
from dispute_service.disputes.decisions.guards import breach_if_late, denied, promise
from dispute_service.disputes.items import (
    CONTESTED,
    CREDIT_ORDER,
    ORDERS,
    PAYMENT_ORDER,
    CreditShare,
    DisputeItem,
    PaymentShare,
    WriteOffShare,
    filled,
    part,
)
from dispute_service.disputes.settlement_terms import settlement
from dispute_service.disputes.state import ENDED, Dispute, State, Status, UnopenedDispute, evolve
from dispute_service.routing.matrix import ResolutionMatrix


def decide(  # noqa: C901, PLR0911 - one arm per command
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
        case c.ReverseWriteOff():
            return _reverse_write_off(command, state, policy)
        case c.HoldClaim():
            return _hold_claim(command, state)
        case c.SettleClaim():
            return _settle_claim(command, state)
        case c.ReverseAnswer():
            return _reverse_answer(command, state, policy)
        case c.NoteInvoice():
            return _note_invoice(command, state)
        case c.FitToInvoice():
            return _fit_to_invoice(command, state)
        case c.BreachSla():
            return _breach_sla(command, state, now)
    assert_never(command)


def _apply_payment(command: c.ApplyPayment, state: Dispute) -> list[e.DisputeEvent]:
    if command.under_protest:
        return _paid_under_protest(command, state)
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
        source=command.source,
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


def _paid_under_protest(command: c.ApplyPayment, state: Dispute) -> list[e.DisputeEvent]:
    """The dispute goes on with what it contests: the payment takes nothing of it, and it holds nothing of the
    invoice. What is to be paid or written off is contested no longer: that is paid as by any payment."""
    if command.ledger_version <= state.ledger_versions.get(command.invoice_id, 0):
        return []
    may = [item.invoice_id == command.invoice_id and item.mismatch is None for item in state.items]
    rooms = [part(item, name) * ok for name in PAYMENT_ORDER for item, ok in zip(state.items, may, strict=True)]
    parts = filled(command.reduce_by, rooms)
    count = len(state.items)
    by_part = {name: parts[place * count : (place + 1) * count] for place, name in enumerate(PAYMENT_ORDER)}
    claimed = _shares([*by_part[CONTESTED], *by_part["credit"]], count)
    paid = sum(by_part["payment"]) + sum(by_part["write_off"])
    found: list[e.DisputeEvent] = []
    after: State = state
    if claimed:
        protested = e.PaidUnderProtest(
            at=max(command.at, state.opened_at),
            payment_id=command.payment_id,
            invoice_id=command.invoice_id,
            ledger_version=command.ledger_version,
            shares=claimed,
            source=command.source,
        )
        found, after = [protested], evolve(state, protested)
    if paid and isinstance(after, Dispute):
        found += _reduced(after, paid, may, _payment(command, state))
    return found


def _payment(command: c.ApplyPayment, state: Dispute) -> e.AmountReduced:
    return e.AmountReduced(
        at=max(command.at, state.opened_at),
        cause="payment",
        reference=command.payment_id,
        invoice_id=command.invoice_id,
        ledger_version=command.ledger_version,
        shares=(),
        source=command.source,
    )


def _hold_claim(command: c.HoldClaim, state: Dispute) -> list[e.DisputeEvent]:
    if command.ledger_version < state.ledger_versions.get(command.invoice_id, 0):
        return []
    rooms = [item.claimed_back if item.invoice_id == command.invoice_id else 0 for item in state.items]
    shares = _shares(filled(command.amount, rooms), len(state.items))
    if not shares:
        return []
    return [
        e.ClaimHeldAgain(
            at=max(command.at, state.opened_at),
            invoice_id=command.invoice_id,
            ledger_version=command.ledger_version,
            shares=shares,
        )
    ]


def _settle_claim(command: c.SettleClaim, state: Dispute) -> list[e.DisputeEvent]:
    """A refund or credit on account answers what is claimed back, what was granted first; of each invoice once."""
    at = max(command.at, state.opened_at)
    found: list[e.DisputeEvent] = []
    after: State = state
    left = command.amount
    for invoice_id in dict.fromkeys(item.invoice_id for item in state.items):
        if command.invoice_id not in {None, invoice_id} or _is_answered(command, invoice_id, state):
            continue
        of_it = [item.invoice_id == invoice_id and item.mismatch is None for item in state.items]
        granted = [i.claimed_credit * ok for i, ok in zip(state.items, of_it, strict=True)]
        contested = [i.claimed_contested * ok for i, ok in zip(state.items, of_it, strict=True)]
        shares = _shares(filled(left, [*granted, *contested]), len(state.items))
        if not shares:
            continue
        left -= sum(share.amount for share in shares)
        reduced = e.AmountReduced(
            at=at,
            cause=command.cause,
            reference=command.reference,
            invoice_id=invoice_id,
            ledger_version=0,
            shares=shares,
            source=command.source,
        )
        after = evolve(after, reduced)
        found += [reduced, *_end_if_nothing_is_left(after, reduced)]
    return found


def _is_answered(command: c.SettleClaim, invoice_id: str, state: Dispute) -> bool:
    answer = (command.cause, command.source, command.reference)
    return any(
        (each.cause, each.source, each.reference) == answer and state.items[each.item].invoice_id == invoice_id
        for each in state.answers
    )


def _reverse_answer(command: c.ReverseAnswer, state: Dispute, policy: ResolutionMatrix) -> list[e.DisputeEvent]:
    """What a credit on account had given is claimed back again, or awaited where it had been granted; of a dispute that
    ended without it, it is denied."""
    answer = ("credit-on-account", command.source, command.reference)
    given = [each for each in state.answers if (each.cause, each.source, each.reference) == answer]
    back = [0] * len(state.items)
    for each, amount in zip(given, filled(command.amount, [each.amount for each in given]), strict=True):
        back[each.item] += amount
    shares = _shares(back, len(state.items))
    if not shares:
        return []
    at = max(command.at, state.opened_at)
    is_awaited = state.status in ENDED | {Status.SETTLING} and any(each.granted for each in given)
    gone = _where_reversed_money_goes(state)
    into = "awaiting" if is_awaited else "open" if gone == "open" else "denied"
    start = max(at, command.clock_from or at)
    due = settlement(command.terms, ["credit"], policy, state.routing.calendar, start) if is_awaited else None
    reversed_ = e.AnswerReversed(
        at=at, reference=command.reference, shares=shares, into=into, source=command.source, settlement=due
    )
    if into != "open" or state.is_active:
        return [reversed_]
    reason = f"Credit memo {command.reference} was reversed."
    return [reversed_, _reopened(state, policy, shares, at, command.clock_from or at, reason)]


def _shares(parts: Sequence[int], items: int) -> tuple[e.Share, ...]:
    """Of parts that stand twice per item, one share for each item that has any."""
    whole = [sum(parts[index::items]) for index in range(items)]
    return tuple(e.Share(index, amount) for index, amount in enumerate(whole) if amount)


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
                shares_number=command.shares_number,
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
    shares = _shares(filled(reduce_by, rooms), len(state.items))
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
    if reduced.cause == "refund":
        return "REFUND", f"Refund {reduced.reference}"
    if reduced.cause == "invoice-changed":
        return "INVOICE_REDUCED", f"The smaller amount of invoice {reduced.reference}"
    is_all_credited = all(item.paid == item.reduced == item.posted_off == 0 for item in after.items) and not after.open
    return "CREDIT_FULL" if is_all_credited else "CREDIT_PARTIAL", f"Credit memo {reduced.reference}"


def _reverse_payment(command: c.ReversePayment, state: Dispute, policy: ResolutionMatrix) -> list[e.DisputeEvent]:
    """The amounts that the payment took come back, last taken first. What it confirmed of an ended dispute is awaited
    again. For the rest, a dispute that had not ended by withdrawal, as void or as rejected is open again afterwards.
    What it had paid under protest holds again."""
    if command.ledger_version <= state.ledger_versions.get(command.invoice_id, 0):
        return []
    held_again = _held_again(command, state)
    left = command.amount - sum(share.amount for event in held_again for share in event.shares)
    payment = (command.source, command.payment_id)
    awaited, others = _came_back(state.taken, payment, command.invoice_id, left, state)
    if held_again and not awaited and not others:
        return [*held_again]
    if command.made_it and not ((awaited or others) and state.is_judged):
        return _without_its_short_payment(command, _shares_of([*awaited.values(), others], state), state)
    if not awaited and not others:
        return []
    at = max(command.at, state.opened_at)
    gone = e.PaymentReversed(
        at=at,
        payment_id=command.payment_id,
        invoice_id=command.invoice_id,
        ledger_version=command.ledger_version,
        shares=(),
        into=_where_reversed_money_goes(state),
        source=command.source,
    )
    reason = f"Payment {command.payment_id} was {'taken off the invoice' if command.unapplied else 'reversed'}."
    return [*held_again, *_given_back(command, gone, awaited, others, state, policy, reason)]


def _held_again(command: c.ReversePayment, state: Dispute) -> list[e.ClaimHeldAgain]:
    back = [0] * len(state.items)
    left = command.amount
    for paid in reversed(state.protested):
        item = state.items[paid.item]
        is_it = is_same(paid.posting, (command.source, command.payment_id))
        if is_it and item.invoice_id == command.invoice_id:
            amount = min(left, paid.amount, item.claimed_back - back[paid.item])
            back[paid.item] += amount
            left -= amount
    shares = _shares(back, len(state.items))
    if not shares:
        return []
    return [
        e.ClaimHeldAgain(
            at=max(command.at, state.opened_at),
            invoice_id=command.invoice_id,
            ledger_version=command.ledger_version,
            shares=shares,
            payment_id=command.payment_id,
            source=command.source,
        )
    ]


Amounts = dict[int, int]
"""Amounts by the position of the item."""


def _came_back(
    taken: Sequence[PaymentShare | WriteOffShare],
    posting: tuple[str, str],
    invoice_id: str,
    amount: int,
    state: Dispute,
) -> tuple[dict[str, Amounts], Amounts]:
    """What comes back of a payment or write-off: by the posting that it is awaited as again, and the rest."""
    awaited: dict[str, Amounts] = {}
    others: Amounts = {}
    is_over = state.status in ENDED | {Status.SETTLING}
    for each in reversed(taken):
        is_it = is_same(each.posting, posting) and state.items[each.item].invoice_id == invoice_id
        if back := min(amount, each.amount) if is_it else 0:
            amount -= back
            into = awaited.setdefault(each.awaited, {}) if each.awaited and is_over else others
            into[each.item] = into.get(each.item, 0) + back
    return awaited, others


def _given_back(  # noqa: PLR0917
    command: c.ReversePayment | c.ReverseWriteOff,
    gone: e.PaymentReversed | e.WriteOffReversed,
    awaited: Mapping[str, Amounts],
    others: Amounts,
    state: Dispute,
    policy: ResolutionMatrix,
    reason: str,
) -> list[e.DisputeEvent]:
    """What had been awaited is awaited again. For the rest, the dispute goes on, unless it had ended without it."""
    found: list[e.DisputeEvent] = []
    if awaited:
        start = max(gone.at, command.clock_from or gone.at)
        due = settlement(command.terms, awaited, policy, state.routing.calendar, start)
        shares = _shares_of(awaited.values(), state)
        found.append(structs.replace(gone, shares=shares, into="awaiting", settlement=due))
    if not others:
        return found
    gone = structs.replace(gone, shares=_shares_of([others], state))
    found.append(gone)
    if gone.into != "open" or state.is_active:
        return found
    return [*found, _reopened(state, policy, gone.shares, gone.at, command.clock_from or gone.at, reason)]


def _shares_of(amounts: Iterable[Amounts], state: Dispute) -> tuple[e.Share, ...]:
    whole = [*amounts]
    return _shares([each.get(index, 0) for each in whole for index in range(len(state.items))], len(state.items))


def _without_its_short_payment(
    command: c.ReversePayment, shares: tuple[e.Share, ...], state: Dispute
) -> list[e.DisputeEvent]:
    """The payment that made the dispute came back, or was taken off the invoice: nothing is deducted any more, and all
    of the invoice is to be paid. `shares` are what it had taken of the dispute later.

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
    back = [structs.replace(noted, shares=shares, into="withdrawn")] if shares else []
    if not state.is_active or state.is_judged:
        return [*back, noted]
    words = "was taken off the invoice" if command.unapplied else "came back"
    return [
        *back,
        noted,
        *breach_if_late(state, at),
        *denied(state, at),
        e.DisputeResolved(
            at=at,
            resolution_code="PAYMENT_RETURNED",
            outcomes=tuple(
                e.ItemOutcome(item=index, withdrawn=item.held_contested)
                for index, item in enumerate(state.items)
                if item.held_contested
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
    reason = f"Credit memo {command.credit_memo_id} was {'taken off the invoice' if command.unapplied else 'reversed'}."
    return [reversed_, _reopened(state, policy, shares, at, command.clock_from or at, reason)]


def _reverse_write_off(command: c.ReverseWriteOff, state: Dispute, policy: ResolutionMatrix) -> list[e.DisputeEvent]:
    """The amounts that the write-off took come back, as those of a payment do."""
    if command.ledger_version <= state.ledger_versions.get(command.invoice_id, 0):
        return []
    write_off = (command.source, command.write_off_id)
    awaited, others = _came_back(state.posted_off, write_off, command.invoice_id, command.amount, state)
    gone = e.WriteOffReversed(
        at=max(command.at, state.opened_at),
        write_off_id=command.write_off_id,
        invoice_id=command.invoice_id,
        ledger_version=command.ledger_version,
        shares=(),
        into=_where_reversed_money_goes(state),
        source=command.source,
    )
    reason = f"Write-off {command.write_off_id} was taken back."
    return _given_back(command, gone, awaited, others, state, policy, reason)


def _reopened(  # noqa: PLR0917
    state: Dispute, policy: ResolutionMatrix, shares: Sequence[e.Share], at: datetime, clock_from: datetime, reason: str
) -> e.DisputeReopened:
    """The dispute goes on, for what it had ended by is gone. Its promise counts from when that became known."""
    contested = state.contested + sum(share.amount for share in shares)
    routing, sla = promise(policy, state.reason_code, state.money(contested), state.legal_entity, max(at, clock_from))
    return e.DisputeReopened(
        at=at, reason=reason, shares=(), by_ledger=True, routing=routing, sla=sla, keeps_grants=True
    )


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
    if state.lost_short_payment and not state.is_judged:
        return "withdrawn"
    if state.resolution_code in ("WITHDRAWN", "VOID_LOGGED_IN_ERROR", "PAYMENT_RETURNED"):
        return "withdrawn"
    return "rejected" if state.resolution_code == "REJECTED_COLLECT" else "open"


def _breach_sla(command: c.BreachSla, state: Dispute, now: datetime) -> list[e.DisputeEvent]:
    if not state.is_active or command.due_at != state.sla.due_at or now < command.due_at:
        return []
    return breach_if_late(state, now)
