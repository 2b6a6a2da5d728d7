"""A payment earns the cash discount, and what it leaves is judged."""

from functools import reduce

from collections_service.open_items.decisions.changes import day_with_room, with_holds
from collections_service.open_items.discounts import earned
from collections_service.open_items.events import DiscountGranted, OpenItemEvent, PaymentApplied, ShortPaymentDetected
from collections_service.open_items.remainders import Bounds, judge
from collections_service.open_items.state import OpenItem, Terms, evolve
from collections_service.short_payments.tolerance import ShortPaymentTolerance
from redress.money import Money
from redress.policy.state import PolicyInForce


def judged(payment: PaymentApplied, item: OpenItem, bounds: Bounds) -> list[OpenItemEvent]:
    """The discount that `payment` earned, and the judgement on what it leaves then."""
    owed = _asked_for(item)
    first = judge(payment, item, bounds, owed)
    deducted = isinstance(first, ShortPaymentDetected)
    granted = earned_by(payment, item, tolerated=bounds.tolerated.minor, deducted=deducted)
    if not granted:
        return [first] if first else []
    last = judge(payment, reduce(evolve, granted, item), bounds, owed)
    return [*granted, last] if last else granted


def earned_by(
    payment: PaymentApplied | None, item: OpenItem, *, tolerated: int = 0, deducted: bool = False
) -> list[OpenItemEvent]:
    if payment is None or item.terms is None or item.terms.discount is None:
        return []
    rest = item.undisputed_minor - item.withheld_minor
    minor = earned(item, payment, rest, tolerated=tolerated, deducted=deducted)
    if not minor:
        return []
    amount, terms = Money(minor, item.terms.total.currency), item.terms.discount
    granted = DiscountGranted(
        source=payment.source,
        payment_id=payment.payment_id,
        applied_on=day_with_room(item, payment.applied_on, minor),
        amount=amount,
        explanation=f"{terms.percent:f} % within {terms.days} days of {item.terms.issued_on}; "
        f"the payment counts from {payment.received_on}",
    )
    return with_holds(item, granted, "the cash discount was granted", since=granted.applied_on)


def earned_by_credit(item: OpenItem) -> list[OpenItemEvent]:
    """A credit makes what is still to be paid smaller. Nothing while disputes hold something: until dispute-service has
    said which of them the credit serves, they hold more than is disputed."""
    return [] if item.held_minor else earned_by(item.newest, item)


def _asked_for(item: OpenItem) -> tuple[int, ...]:
    """The amounts that were found invalid and asked for again, one by one and together."""
    each = [claim.rejected for claim in item.claims if claim.rejected > 0]
    return (*each, sum(each)) if each else ()


def bounds_by(tolerance: PolicyInForce[ShortPaymentTolerance], terms: Terms) -> Bounds:
    document = tolerance.document
    return Bounds(
        tolerated=document.tolerated(terms.total),
        difference=document.difference(terms.total),
        policy=tolerance.citation,
    )
