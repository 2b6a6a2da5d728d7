from decimal import Decimal

import pytest

from collections_service.short_payments.tolerance import FIRST_TOLERANCE, ShortPaymentTolerance
from redress.money import Money


@pytest.mark.parametrize(
    ("total", "tolerated"),
    [
        (Money(10_000, "EUR"), Money(100, "EUR")),  # 0.5 % would be 0.50, so 1.00 counts
        (Money(100_000, "EUR"), Money(500, "EUR")),
        (Money(100_099, "EUR"), Money(500, "EUR")),  # 5.00495 is cut to 5.00
        (Money(150, "JPY"), Money(1, "JPY")),
        (Money(1_000_000, "KWD"), Money(5_000, "KWD")),
    ],
)
def test_the_larger_of_one_major_unit_and_half_a_percent_is_tolerated(total: Money, tolerated: Money) -> None:
    assert FIRST_TOLERANCE.tolerated(total) == tolerated


def test_a_decision_cites_the_version_of_the_policy() -> None:
    policy = ShortPaymentTolerance(version=7, at_least=Decimal(0), percent=Decimal(1))

    assert policy.name == "short-payment-tolerance@7"
