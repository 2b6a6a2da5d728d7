from decimal import Decimal

import pytest
from support.collections_examples import FIRST_TOLERANCE

from collections_service.short_payments.tolerance import SHORT_PAYMENT_TOLERANCE
from redress.money import Money
from redress.policy.decisions import read_document
from redress.policy.refusals import PolicyNotAcceptable


@pytest.mark.parametrize(
    ("total", "tolerated"),
    [
        (Money(10_000, "EUR"), Money(50, "EUR")),  # 0.5 % of 100.00; a whole euro would be too much of it
        (Money(20_000, "EUR"), Money(100, "EUR")),
        (Money(200_000_000, "EUR"), Money(100, "EUR")),  # 0.5 % would be 10,000.00
        (Money(10_099, "EUR"), Money(50, "EUR")),  # 0.50495 is cut to 0.50
        (Money(10_000, "BHD"), Money(50, "BHD")),  # of 10.000 dinars 0.050, never 0.500
        (Money(1_000_000, "KWD"), Money(1_000, "KWD")),  # three decimals: 1.000 and not 5.000
        (Money(150, "JPY"), Money(0, "JPY")),  # no decimals: 0.75 yen is nothing
        (Money(1_000_000, "JPY"), Money(1, "JPY")),
    ],
)
def test_the_smaller_of_one_major_unit_and_half_a_percent_is_tolerated(total: Money, tolerated: Money) -> None:
    assert FIRST_TOLERANCE.document.tolerated(total) == tolerated


def test_a_bound_of_zero_is_no_bound() -> None:
    only_amount = read_document(SHORT_PAYMENT_TOLERANCE, {"at_least": "5", "percent": "0"})
    only_percent = read_document(SHORT_PAYMENT_TOLERANCE, {"at_least": "0", "percent": "1"})

    assert only_amount.tolerated(Money(10_000, "EUR")) == Money(500, "EUR")
    assert only_percent.tolerated(Money(1_000_000, "EUR")) == Money(10_000, "EUR")
    assert only_percent.tolerated(Money(0, "EUR")) == Money(0, "EUR")


def test_no_difference_is_small_unless_the_company_says_so() -> None:
    assert FIRST_TOLERANCE.document.difference(Money(100_000, "EUR")) == Money(0, "EUR")


def test_of_the_bounds_of_a_small_difference_the_smaller_counts_too() -> None:
    document = read_document(
        SHORT_PAYMENT_TOLERANCE,
        {"at_least": "1", "percent": "1", "difference_at_most": "50", "difference_percent": "10"},
    )

    assert document.difference(Money(10_000, "EUR")) == Money(1_000, "EUR")
    assert document.difference(Money(1_000_000, "EUR")) == Money(5_000, "EUR")


def test_a_decision_cites_the_version_of_the_policy() -> None:
    assert FIRST_TOLERANCE.citation == "short-payment-tolerance@1"


@pytest.mark.parametrize(
    ("document", "place"),
    [
        ({"at_least": "-0.01", "percent": "1"}, ("document", "at_least")),
        ({"at_least": "1000000.01", "percent": "1"}, ("document", "at_least")),
        ({"at_least": "NaN", "percent": "1"}, ("document", "at_least")),
        ({"at_least": "1", "percent": "100.5"}, ("document", "percent")),
        ({"at_least": "1", "percent": "0.00001"}, ("document", "percent")),
        ({"at_least": "1", "percent": "Infinity"}, ("document", "percent")),
        ({"at_least": "1", "percent": "half"}, ("document", "percent")),
        ({"at_least": "1", "percent": "1", "difference_at_most": "-1"}, ("document", "difference_at_most")),
        ({"at_least": "1", "percent": "1", "difference_percent": "101"}, ("document", "difference_percent")),
        ({"at_least": "1"}, ("document",)),
    ],
)
def test_a_tolerance_that_cannot_be_meant_is_refused_at_its_place(
    document: dict[str, str], place: tuple[str, ...]
) -> None:
    with pytest.raises(PolicyNotAcceptable) as refused:
        read_document(SHORT_PAYMENT_TOLERANCE, document)
    assert [where for where, _, _ in refused.value.places] == [place]


def test_no_tolerance_at_all_is_a_tolerance() -> None:
    document = read_document(SHORT_PAYMENT_TOLERANCE, {"at_least": "0", "percent": 0})
    assert document.tolerated(Money(100_000, "EUR")) == Money(0, "EUR")
    assert document.percent == Decimal(0)
