"""When an unpaid remainder is a short payment: policy as data, with a version that every decision names.

A remainder within the tolerance is left open, not written off: posting a write-off is the ERP's act, we mirror it.
"""

from decimal import ROUND_FLOOR, Decimal

from msgspec import Struct

from redress.money import Money, minor_digits


class ShortPaymentTolerance(Struct, frozen=True, kw_only=True):
    """`at_least` in major units of the invoice's currency, `percent` of the invoice total; the larger counts."""

    version: int
    at_least: Decimal
    percent: Decimal

    @property
    def name(self) -> str:
        """How decisions cite it: `short-payment-tolerance@1`."""
        return f"short-payment-tolerance@{self.version}"

    def tolerated(self, invoice_total: Money) -> Money:
        """The largest remainder that is not a short payment. Fractions of a minor unit are cut off."""
        fixed = self.at_least.scaleb(minor_digits(invoice_total.currency))
        share = Decimal(invoice_total.minor) * self.percent / 100
        return Money(int(max(fixed, share).to_integral_value(ROUND_FLOOR)), invoice_total.currency)


FIRST_TOLERANCE = ShortPaymentTolerance(version=1, at_least=Decimal("1.00"), percent=Decimal("0.5"))
