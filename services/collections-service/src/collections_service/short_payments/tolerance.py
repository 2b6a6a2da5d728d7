"""When an unpaid remainder is a short payment: policy as data, with a version that every decision names.

A remainder within the tolerance is left open, not written off: posting a write-off is the ERP's act, we mirror it.
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
    """`at_least` in major units of the invoice's currency, `percent` of the invoice total; the larger counts."""

    at_least: Decimal
    percent: Decimal

    def tolerated(self, invoice_total: Money) -> Money:
        """The largest remainder that is not a short payment. Fractions of a minor unit are cut off."""
        fixed = self.at_least.scaleb(minor_digits(invoice_total.currency))
        share = Decimal(invoice_total.minor) * self.percent / 100
        return Money(int(max(fixed, share).to_integral_value(ROUND_FLOOR)), invoice_total.currency)


def _problems(tolerance: ShortPaymentTolerance) -> tuple[PolicyProblem, ...]:
    bounds = (("at_least", tolerance.at_least, LARGEST_FIXED), ("percent", tolerance.percent, Decimal(100)))
    return tuple(
        PolicyProblem((name,), f"{name} is out of bounds", f"0 to {largest}, {_DIGITS} digits after the point at most")
        for name, value, largest in bounds
        if not _is_within(value, largest)
    )


def _is_within(value: Decimal, largest: Decimal) -> bool:
    return value.is_finite() and 0 <= value <= largest and value == round(value, _DIGITS)


SHORT_PAYMENT_TOLERANCE: Final = PolicyDefinition(
    name="short-payment-tolerance",
    about="A remainder up to `at_least` major units or `percent` of the invoice total, the larger, is no short payment."
    " The policy in force on the day the payment was received decides.",
    document=ShortPaymentTolerance,
    built_in=ShortPaymentTolerance(at_least=Decimal("1.00"), percent=Decimal("0.5")),
    check=_problems,
    scope_kinds=(CUSTOMER,),
)


def scopes_of(customer_id: str) -> tuple[str, ...]:
    """Where to look before the tolerance of the whole company."""
    return (f"{CUSTOMER}:{customer_id}",)
