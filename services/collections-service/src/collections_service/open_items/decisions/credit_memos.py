"""A credit memo is applied to an invoice, and gives way again."""

from collections.abc import Callable, Sequence
from datetime import date
from functools import reduce

from collections_service.open_items.commands import ApplyCreditMemo, ReverseCreditMemo, UnapplyCreditMemo
from collections_service.open_items.decisions.changes import (
    day_with_room,
    from_newest,
    known_terms,
    same_currency,
    with_holds,
)
from collections_service.open_items.decisions.earning import earned_by_credit
from collections_service.open_items.events import (
    CreditMemoApplied,
    CreditMemoReversed,
    CreditMemoUnapplied,
    OpenItemEvent,
)
from collections_service.open_items.state import Credit, OpenItem, evolve
from redress.money import Money


def apply_credit_memo(command: ApplyCreditMemo, item: OpenItem) -> list[OpenItemEvent]:
    """As much as is open. Which disputes it serves, dispute-service answers: claims stay until it has."""
    terms = known_terms(item, command.credit_memo_id)
    same_currency(terms, command.named)
    if command.from_day is None and item.credited_by(command.source, command.credit_memo_id):
        return []
    minor = min(command.named.minor, item.open_minor)
    if minor <= 0:
        return []
    applied = CreditMemoApplied(
        source=command.source,
        credit_memo_id=command.credit_memo_id,
        issued_on=command.issued_on,
        applied_on=day_with_room(item, command.from_day or command.issued_on, minor),
        amount=Money(minor, terms.total.currency),
        dispute_id=command.dispute_id,
    )
    events = with_holds(item, applied, "credited", since=applied.applied_on)
    return [*events, *earned_by_credit(reduce(evolve, events, item))]


def reverse_credit_memo(command: ReverseCreditMemo, item: OpenItem) -> list[OpenItemEvent]:
    """The credit is gone again, newest application first; no more than is here of it. Which disputes wait for a credit
    again, dispute-service says."""

    def reversed_(applied_on: date, amount: Money) -> CreditMemoReversed:
        return CreditMemoReversed(
            source=command.source,
            credit_memo_id=command.credit_memo_id,
            reversed_on=command.reversed_on,
            effective_on=max(command.reversed_on, applied_on),
            amount=amount,
        )

    credited = item.credited_by(command.source, command.credit_memo_id)
    return _give_way(item, credited, command.amount, reversed_, "the credit memo was reversed")


def unapply_credit_memo(command: UnapplyCreditMemo, item: OpenItem) -> list[OpenItemEvent]:
    """As for a reversal; the credit stays on account."""

    def unapplied(applied_on: date, amount: Money) -> CreditMemoUnapplied:
        return CreditMemoUnapplied(
            source=command.source,
            credit_memo_id=command.credit_memo_id,
            unapplied_on=command.unapplied_on,
            effective_on=max(command.unapplied_on, applied_on),
            amount=amount,
        )

    credited = item.credited_by(command.source, command.credit_memo_id)
    return _give_way(item, credited, command.amount, unapplied, "the credit memo was unapplied")


def _give_way(
    item: OpenItem,
    credited: Sequence[Credit],
    amount: Money,
    event: Callable[[date, Money], CreditMemoReversed | CreditMemoUnapplied],
    why: str,
) -> list[OpenItemEvent]:
    events: list[OpenItemEvent] = []
    for applied_on, minor in from_newest(credited, amount):
        gone = event(applied_on, Money(minor, amount.currency))
        events += with_holds(reduce(evolve, events, item), gone, why, since=gone.effective_on)
    return events
