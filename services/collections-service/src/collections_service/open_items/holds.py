"""The disputed part of an invoice, day by day: what the disputes claim, as far as there is something open to hold.

The open amount changes by what the ERP says and the claims by what dispute-service says, each with its own business
dates and in any order of arrival. So the hold is always computed for all days at once and compared with what is
recorded; the same facts end in the same holds, whoever came first. What a posting takes from which dispute is
dispute-service's answer (decision 0032). Until it comes, claims that no longer fit give way, the oldest dispute first.
"""

from datetime import date
from itertools import chain

from msgspec import Struct

from collections_service.open_items.events import (
    HoldPlaced,
    HoldReduced,
    HoldReleased,
    PastHoldRecorded,
    Step,
)
from collections_service.open_items.state import OpenItem, amounts_on
from redress.money import Money


class HoldChanges(Struct, frozen=True):
    """`smaller` belongs before the event that caused the change and `larger` after it, so that at no event more is held
    than is open."""

    smaller: tuple[HoldReduced | HoldReleased, ...]
    larger: tuple[HoldPlaced | PastHoldRecorded, ...]


def hold_changes(item: OpenItem, why: str, since: date | None = None) -> HoldChanges:
    """The changes that make the holds of `item` right on every day. Nothing for an unregistered invoice.

    `since` is the first day on which anything has changed: the holds of the days before it are right as they are.
    """
    if item.terms is None:
        return HoldChanges((), ())
    currency = item.terms.total.currency
    smaller: list[HoldReduced | HoldReleased] = []
    larger: list[HoldPlaced | PastHoldRecorded] = []
    steps_of = _missing_steps(item, since)
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


def _missing_steps(item: OpenItem, since: date | None) -> dict[str, tuple[Step, ...]]:
    days = days_of_change(item, since)
    if not days or not item.claims or item.terms is None:
        return {}
    left = [max(0, amount) for amount in amounts_on(item.movements, days)]
    missing: dict[str, tuple[Step, ...]] = {}
    # The youngest is served first: the oldest gives way first.
    for claim in reversed(item.claims):
        steps: list[Step] = []
        corrected = 0  # what the steps found so far add up to
        is_ours = claim.currency == item.terms.total.currency  # a claim in another currency holds nothing
        claimed, held = amounts_on(claim.claimed if is_ours else (), days), amounts_on(claim.held, days)
        for place, day in enumerate(days):
            target = min(left[place], max(0, claimed[place]))
            left[place] -= target
            if change := target - held[place] - corrected:
                steps.append(Step(day, change))
                corrected += change
        missing[claim.dispute_id] = tuple(steps)
    return missing


def days_of_change(item: OpenItem, since: date | None) -> list[date]:
    """The days from `since` on at which the open amount, a claim or a hold changes, in their order."""
    steps = chain(item.movements, *(chain(claim.claimed, claim.held) for claim in item.claims))
    return sorted({step.on for step in steps if since is None or step.on >= since})
