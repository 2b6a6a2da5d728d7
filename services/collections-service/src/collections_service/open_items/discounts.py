"""The cash discount: who pays early enough pays less, as the invoice's terms say.

It is earned by payments whose value date is within the agreed days of the issue date, when they leave no more of the
undisputed part open than the discount. A part payment earns nothing yet: the payment that completes it earns all. What
a dispute holds takes no part. Where the payer deducts something else as well, what was paid has earned its own share.
"""

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal

from collections_service.open_items.events import DiscountWithdrawn, PaymentApplied, PaymentReversed
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
    in_time = sum(a.minor + a.withheld for a in _live(item) if a.received_on <= last)
    before = item.discount_minor
    limit = (_on_top_of(in_time, item) if deducted else _of(in_time + before + rest, item)) - before
    if not deducted and rest > limit + tolerated:
        return 0
    return max(0, min(rest, limit))


def would_have_earned(item: OpenItem, rest: int) -> bool:
    """Whether `rest` is no more than the discount would have been, had the money come in time."""
    if last_day(item) is None:
        return False
    return rest <= _of(sum(a.minor + a.withheld for a in _live(item)) + item.discount_minor + rest, item)


def withdrawn_by(reversed_: PaymentReversed, item: OpenItem) -> Iterator[DiscountWithdrawn]:
    """The discounts that the payment earned, alone or together with earlier ones. `item` is the invoice before it came
    back. A discount that was complete without it stays."""
    order = {(a.source, a.payment_id): place for place, a in enumerate(item.applications)}
    last, own = last_day(item), (reversed_.source, reversed_.payment_id)
    place = order.get(own)
    if last is None or place is None or item.terms is None or item.applications[place].received_on > last:
        return
    for each in item.discounts:
        key = (each.source, each.payment_id)
        if each.withdrawn_on is None and order.get(key, -1) >= place:
            yield DiscountWithdrawn(
                source=each.source,
                payment_id=each.payment_id,
                effective_on=max(reversed_.effective_on, each.on),
                amount=Money(each.minor, item.terms.total.currency),
            )


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
