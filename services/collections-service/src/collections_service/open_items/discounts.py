"""The cash discount: who pays early enough pays less, as the invoice's terms say.

It is earned by payments whose value date is within the agreed days of the issue date, when they leave no more of the
undisputed part open than the discount. A part payment earns nothing yet: the payment that completes it earns all. What
a dispute holds takes no part. Where the payer deducts something else as well, what was paid has earned its own share.
"""

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal

from collections_service.open_items.events import DiscountWithdrawn, PaymentApplied
from collections_service.open_items.state import Application, OpenItem
from redress.money import Money


def last_day(item: OpenItem) -> date | None:
    """The last value date that earns the discount; None if none was agreed."""
    terms = item.terms
    if terms is None or terms.discount is None:
        return None
    return terms.issued_on + timedelta(days=terms.discount.days)


def earned(item: OpenItem, payment: PaymentApplied, rest: int, *, tolerated: int = 0, deducted: bool = False) -> int:
    """How much of `rest`, which `payment` left open and undisputed, is earned discount. `deducted`: the rest is a
    deduction, so that only what was paid can have earned something."""
    last = last_day(item)
    if last is None or payment.received_on > last or rest <= 0:
        return 0
    in_time, before = _in_time(item, last), item.discount_minor
    limit = (_on_top_of(in_time, item) if deducted else _of(in_time + before + rest, item)) - before
    if not deducted and rest > limit + tolerated:
        return 0
    return max(0, min(rest, limit))


def would_have_earned(item: OpenItem, rest: int) -> bool:
    """Whether `rest` is no more than the discount would have been, had the money come in time."""
    if last_day(item) is None:
        return False
    return rest <= _of(item.paid_minor + item.withheld_sum + item.discount_minor + rest, item)


def gave_way(before: OpenItem, after: OpenItem) -> int:
    """The place of the application that gave way."""
    pairs = zip(before.applications, after.applications, strict=True)
    return next(place for place, (one, other) in enumerate(pairs) if one is not other)


def no_longer_earned(item: OpenItem, place: int, on: date) -> DiscountWithdrawn | None:
    """The newest discount that is not earned any more without what is gone, since `on`, of the application at `place`.

    `item` is the invoice without it. A discount that was complete before that application stays, and so does one that
    what is still paid in time leaves enough room for.
    """
    last = last_day(item)
    if last is None or item.applications[place].received_on > last:
        return None
    return no_longer_earned_from(item, place, on)


def no_longer_earned_from(item: OpenItem, place: int, on: date) -> DiscountWithdrawn | None:
    """The same of whatever else is gone that stood there before the application at `place`."""
    last = last_day(item)
    newest = next((each for each in reversed(item.discounts) if each.withdrawn_on is None), None)
    if last is None or item.terms is None or newest is None or newest.place < place or _suffices(item, last):
        return None
    return DiscountWithdrawn(
        source=newest.source,
        payment_id=newest.payment_id,
        effective_on=max(on, newest.on),
        amount=Money(newest.minor, item.terms.total.currency),
    )


def _suffices(item: OpenItem, last: date) -> bool:
    """Whether what is open and undisputed, and what was granted, are no more than the discount of all of it."""
    rest, granted = item.undisputed_minor - item.withheld_minor, item.discount_minor
    return rest + granted <= _of(_in_time(item, last) + granted + rest, item)


def _in_time(item: OpenItem, last: date) -> int:
    return sum(each.left + each.withheld for each in _live(item) if each.received_on <= last)


def _live(item: OpenItem) -> Iterator[Application]:
    return (each for each in item.applications if not each.returned)


def _of(gross: int, item: OpenItem) -> int:
    return _rounded(Decimal(gross) * _percent(item) / 100)


def _on_top_of(net: int, item: OpenItem) -> int:
    percent = _percent(item)
    return _rounded(Decimal(net) * percent / (100 - percent))


def _percent(item: OpenItem) -> Decimal:
    return item.terms.discount.percent if item.terms is not None and item.terms.discount is not None else Decimal(0)


def _rounded(minor: Decimal) -> int:
    return int(minor.to_integral_value(ROUND_HALF_UP))
