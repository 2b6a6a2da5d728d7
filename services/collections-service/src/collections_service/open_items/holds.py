"""The disputed part of an invoice, day by day: what the disputes claim, as far as there is something open to hold.

The open amount changes by what the ERP says and the claims by what dispute-service says, each with its own business
dates and in any order of arrival. So the hold is always computed for all days at once and compared with what is
recorded; the same facts end in the same holds, whoever came first. What a posting takes from which dispute is
dispute-service's answer (decision 0032). Until it comes, claims that no longer fit give way, the oldest dispute first.
"""

from collections import defaultdict
from datetime import date

from msgspec import Struct

from collections_service.open_items.events import (
    HoldPlaced,
    HoldReduced,
    HoldReleased,
    PastHoldRecorded,
    Step,
)
from collections_service.open_items.state import OpenItem, amount_on
from redress.money import Money


class HoldChanges(Struct, frozen=True):
    """`smaller` belongs before the event that caused the change and `larger` after it, so that at no event more is held
    than is open."""

    smaller: tuple[HoldReduced | HoldReleased, ...]
    larger: tuple[HoldPlaced | PastHoldRecorded, ...]


def hold_changes(item: OpenItem, why: str) -> HoldChanges:
    """The changes that make the holds of `item` right on every day. Nothing for an unregistered invoice."""
    if item.terms is None:
        return HoldChanges((), ())
    currency = item.terms.total.currency
    smaller: list[HoldReduced | HoldReleased] = []
    larger: list[HoldPlaced | PastHoldRecorded] = []
    steps_of = _missing_steps(item)
    for claim in item.claims:
        steps = steps_of.get(claim.dispute_id)
        if not steps:
            continue
        change = sum(step.minor for step in steps)
        held = Money(claim.held_now + change, currency)
        released = Money(-change, currency)
        if change > 0:
            larger.append(HoldPlaced(dispute_id=claim.dispute_id, steps=steps, held=held))
        elif change == 0:
            larger.append(PastHoldRecorded(dispute_id=claim.dispute_id, steps=steps))
        elif held.minor:
            smaller.append(HoldReduced(dispute_id=claim.dispute_id, steps=steps, held=held, released=released, why=why))
        else:
            smaller.append(HoldReleased(dispute_id=claim.dispute_id, steps=steps, released=released, why=why))
    return HoldChanges(tuple(smaller), tuple(larger))


def _missing_steps(item: OpenItem) -> dict[str, tuple[Step, ...]]:
    days = {step.on for step in item.movements}
    for claim in item.claims:
        days.update(step.on for step in claim.claimed)
        days.update(step.on for step in claim.held)
    recorded = {claim.dispute_id: claim.held for claim in item.claims}
    missing: dict[str, list[Step]] = defaultdict(list)
    corrected: dict[str, int] = defaultdict(int)  # what the steps found so far add up to
    for day in sorted(days):
        for dispute_id, target in _held_on(item, day).items():
            change = target - amount_on(recorded[dispute_id], day) - corrected[dispute_id]
            if change:
                missing[dispute_id].append(Step(day, change))
                corrected[dispute_id] += change
    return {dispute_id: tuple(steps) for dispute_id, steps in missing.items()}


def _held_on(item: OpenItem, day: date) -> dict[str, int]:
    """The amount each dispute holds at the end of `day`. The youngest is served first: the oldest gives way first."""
    left = max(0, amount_on(item.movements, day))
    held: dict[str, int] = {}
    for claim in reversed(item.claims):
        if item.terms is None or claim.currency != item.terms.total.currency:
            continue  # a claim in another currency than the invoice: nothing of it can be held
        held[claim.dispute_id] = min(left, max(0, amount_on(claim.claimed, day)))
        left -= held[claim.dispute_id]
    return held
