"""dispute-service said what one dispute claims now."""

from collections.abc import Iterator
from datetime import date
from functools import reduce

from msgspec.structs import replace

from collections_service.open_items.commands import ReportDispute
from collections_service.open_items.decisions.earning import earned_by, earned_by_credit, judged
from collections_service.open_items.discounts import last_day
from collections_service.open_items.events import (
    CreditAwaited,
    DisputeReported,
    OpenItemEvent,
    RemainderLeft,
    ShortPaymentDetected,
)
from collections_service.open_items.holds import hold_changes
from collections_service.open_items.recovery_tasks import task_changes
from collections_service.open_items.remainders import Bounds, Why, left
from collections_service.open_items.state import Claim, Judgement, OpenItem, evolve
from redress.money import Money


def report_dispute(command: ReportDispute, item: OpenItem) -> list[OpenItemEvent]:
    """The claim of one dispute is now this. An older version than the known one says nothing new. A claim in another
    currency than the invoice is a fact too; it holds nothing.

    The amount that was found invalid is released and, as far as it is still open, becomes a recovery task, which is
    closed when it is contested again. The amount that was granted stays held until the credit memo arrives.
    """
    known = item.claim(command.dispute_id)
    if known is not None and command.dispute_version <= known.version:
        return []
    change = command.claimed.minor - (known.claimed_now if known else 0)
    awaiting_before = known.awaiting_credit if known else 0
    command = replace(command, effective_on=_counts_from(command, change, item))
    newly_rejected = command.rejected.minor - (known.rejected if known else 0)
    if not change and not newly_rejected and command.awaiting_credit.minor == awaiting_before:
        return []
    reported = DisputeReported(
        dispute_id=command.dispute_id,
        dispute_version=command.dispute_version,
        opened_on=command.opened_on,
        opened_at=command.opened_at,
        effective_on=command.effective_on,
        currency=command.claimed.currency,
        claimed=command.claimed.minor,
        change=change,
        awaiting_credit=command.awaiting_credit.minor,
        rejected=command.rejected.minor,
        outcome=command.outcome,
        legal_entity=command.legal_entity,
    )
    events: list[OpenItemEvent] = [*_day_by_day(reported, known)]
    if not item.is_of(command.legal_entity):
        return events  # of an invoice that its entity has not posted yet
    after: OpenItem = reduce(evolve, events, item)
    changes = hold_changes(after, command.outcome, since=command.effective_on)
    events.extend(changes.smaller)
    events.extend(changes.larger)
    if command.awaiting_credit.minor > awaiting_before:
        events.append(CreditAwaited(dispute_id=command.dispute_id, amount=command.awaiting_credit))
    events += _settled_by(command, change, reduce(evolve, events, item))
    events += task_changes(command, newly_rejected, reduce(evolve, events, item))
    return events


def _counts_from(command: ReportDispute, change: int, item: OpenItem) -> date:
    """What a post-dated posting took from a dispute is held until its day: dispute-service answers at once."""
    recorded_on = command.recorded_on
    if recorded_on is None or not command.by_posting or change >= 0:
        return command.effective_on
    ahead = (step.on for step in item.movements if step.minor < 0 and step.on > recorded_on)
    return max(ahead, default=command.effective_on)


def _day_by_day(reported: DisputeReported, known: Claim | None) -> Iterator[DisputeReported]:
    """A larger claim first takes back what was to leave it on a day to come: that posting is gone, and until its day
    the claim was what it is again."""
    rest, before = reported.change, reported.claimed - reported.change
    to_come = [step for step in known.claimed if step.on > reported.effective_on and step.minor < 0] if known else []
    for step in to_come:
        if (part := min(rest, -step.minor)) > 0:
            rest, before = rest - part, before + part
            yield replace(reported, effective_on=step.on, change=part, claimed=before)
    if rest or rest == reported.change:
        yield replace(reported, change=rest)


def _settled_by(command: ReportDispute, change: int, item: OpenItem) -> list[OpenItemEvent]:
    """The discount that is earned because of a report, or the judgement on what nobody contests any more."""
    last = last_day(item)
    if change > 0 and last is not None and command.effective_on <= last:  # what is contested need not be paid in time
        return earned_by(item.newest, item)
    if command.by_credit_memo:
        return earned_by_credit(item)
    return _judged_late(command, item) if command.given_up else []


def _judged_late(command: ReportDispute, item: OpenItem) -> list[OpenItemEvent]:
    """The remainder that a dispute held when it was paid, now that nobody contests it any more.

    The dispute may have ended before the payment without our knowing: then the payer's words count. If it ended after
    it, the customer gave up what the words were about.
    """
    payment, claim = item.newest, item.claim(command.dispute_id)
    bounds = _bounds_of(item.judged)
    if payment is None or bounds is None or item.terms is None or item.undisputed_minor <= 0:
        return []
    if claim is None or claim.opened_on > payment.received_on:
        return []  # it was opened because of the payment, or later
    if command.effective_on <= payment.received_on:
        return judged(payment, item, bounds)
    rest = Money(item.undisputed_minor, item.terms.total.currency)
    words = f"{rest} stays open: it was disputed when it was paid, and the customer gave the dispute up"
    return [left(payment, rest, bounds, Why.GIVEN_UP, words)]


def _bounds_of(judged: Judgement | None) -> Bounds | None:
    """The bounds by which a remainder was judged the first time."""
    match judged:
        case RemainderLeft():
            return Bounds(tolerated=judged.tolerated, difference=judged.difference, policy=judged.policy)
        case ShortPaymentDetected(tolerated=tolerated, policy=policy):
            return Bounds(tolerated=tolerated, difference=Money(0, tolerated.currency), policy=policy)
        case _:
            return None
