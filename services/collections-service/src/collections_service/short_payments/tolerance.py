"""Two bounds for what a payment leaves unpaid: policy as data, with a version that every decision names.

A remainder within the tolerance is left open, not written off: posting a write-off is the ERP's act, we mirror it. A
larger one that nobody explained is a deduction after the due date as long as it is a small difference; beyond that it
is what is still to be paid.
"""

from decimal import ROUND_FLOOR, Decimal
from typing import Final

from msgspec import Struct

from redress.money import Money, minor_digits
from redress.policy.decisions import PolicyDefinition
from redress.policy.refusals import PolicyProblem

CUSTOMER: Final = "customer"
LARGEST_FIXED: Final = Decimal(1_000_000)
_DIGITS: Final = 4  # after the point; more is a mistake of typing


class ShortPaymentTolerance(Struct, frozen=True, kw_only=True):
    """Amounts in major units of the invoice's currency, shares in per cent of the invoice total.

    Of `at_least` and `percent` the smaller counts (the name is older than that rule), and of `difference_at_most` and
    `difference_percent` too. One that is 0 is no bound; if both are, nothing is tolerated, or no difference is small.
    """

    at_least: Decimal
    percent: Decimal
    difference_at_most: Decimal = Decimal(0)
    difference_percent: Decimal = Decimal(0)

    def tolerated(self, invoice_total: Money) -> Money:
        """The largest remainder that is never a deduction. Fractions of a minor unit are cut off."""
        return _smaller(self.at_least, self.percent, invoice_total)

    def difference(self, invoice_total: Money) -> Money:
        """The largest remainder that is a deduction after the due date although nobody explained it."""
        return _smaller(self.difference_at_most, self.difference_percent, invoice_total)


def _smaller(amount: Decimal, percent: Decimal, of: Money) -> Money:
    bounds = []
    if amount:
        bounds.append(amount.scaleb(minor_digits(of.currency)))
    if percent:
        bounds.append(Decimal(of.minor) * percent / 100)
    return Money(int(min(bounds, default=Decimal(0)).to_integral_value(ROUND_FLOOR)), of.currency)


def _problems(tolerance: ShortPaymentTolerance) -> tuple[PolicyProblem, ...]:
    bounds = (
        ("at_least", tolerance.at_least, LARGEST_FIXED),
        ("percent", tolerance.percent, Decimal(100)),
        ("difference_at_most", tolerance.difference_at_most, LARGEST_FIXED),
        ("difference_percent", tolerance.difference_percent, Decimal(100)),
    )
    return tuple(
        PolicyProblem((name,), f"{name} is out of bounds", f"0 to {largest}, {_DIGITS} digits after the point at most")
        for name, value, largest in bounds
        if not _is_within(value, largest)
    )


def _is_within(value: Decimal, largest: Decimal) -> bool:
    return value.is_finite() and 0 <= value <= largest and value == round(value, _DIGITS)


SHORT_PAYMENT_TOLERANCE: Final = PolicyDefinition(
    name="short-payment-tolerance",
    about="A remainder up to `at_least` major units and `percent` of the invoice total, the smaller, is left open for"
    " the ERP to post off. An unexplained one up to `difference_at_most` and `difference_percent`, the smaller, is a"
    " deduction after the due date. The policy in force on the day the payment was received decides.",
    document=ShortPaymentTolerance,
    built_in=ShortPaymentTolerance(at_least=Decimal("1.00"), percent=Decimal("0.5")),
    check=_problems,
    scope_kinds=(CUSTOMER,),
)


def scopes_of(customer_id: str) -> tuple[str, ...]:
    """Where to look before the tolerance of the whole company."""
    return (f"{CUSTOMER}:{customer_id}",)
