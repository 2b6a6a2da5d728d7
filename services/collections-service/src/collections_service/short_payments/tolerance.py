"""When an unpaid remainder is a short payment: a policy, with a version that every decision names.

A remainder within the tolerance is left open, not written off: posting a write-off is the ERP's act, we mirror it.
"""

from decimal import ROUND_FLOOR, Decimal
from typing import Final

from msgspec import Struct

from redress.money import Money, minor_digits
from redress.policy.decisions import BUILT_IN, PolicyDefinition
from redress.policy.refusals import PolicyProblem

_LARGEST: Final = Decimal(1_000_000)


class ToleranceDocument(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`at_least` in major units of the invoice's currency, `percent` of the invoice total; the larger counts."""

    at_least: Decimal
    percent: Decimal


class ShortPaymentTolerance(Struct, frozen=True, kw_only=True):
    """The policy in force, with its version."""

    version: int
    at_least: Decimal
    percent: Decimal

    @property
    def name(self) -> str:
        """How decisions cite it: `short-payment-tolerance@1`."""
        return f"{TOLERANCE.name}@{self.version}"

    def tolerated(self, invoice_total: Money) -> Money:
        """The largest remainder that is not a short payment. Fractions of a minor unit are cut off."""
        fixed = self.at_least.scaleb(minor_digits(invoice_total.currency))
        share = Decimal(invoice_total.minor) * self.percent / 100
        return Money(int(max(fixed, share).to_integral_value(ROUND_FLOOR)), invoice_total.currency)


def _problems(document: ToleranceDocument) -> tuple[PolicyProblem, ...]:
    bounds = (("at_least", document.at_least, _LARGEST), ("percent", document.percent, Decimal(100)))
    return tuple(
        PolicyProblem((field,), f"{value} is out of bounds", f"0 to {most}")
        for field, value, most in bounds
        if not value.is_finite() or not 0 <= value <= most
    )


TOLERANCE: Final = PolicyDefinition(
    name="short-payment-tolerance",
    about="How much of an invoice a payment may leave open and undisputed without being a short payment.",
    document=ToleranceDocument,
    built_in=ToleranceDocument(at_least=Decimal("1.00"), percent=Decimal("0.5")),
    check=_problems,
    scope_kinds=("customer",),
)
FIRST_TOLERANCE: Final = ShortPaymentTolerance(
    version=BUILT_IN, at_least=TOLERANCE.built_in.at_least, percent=TOLERANCE.built_in.percent
)
