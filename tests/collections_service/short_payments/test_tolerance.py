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
        (Money(10_000, "EUR"), Money(100, "EUR")),  # 0.5 % would be 0.50, so 1.00 counts
        (Money(100_000, "EUR"), Money(500, "EUR")),
        (Money(100_099, "EUR"), Money(500, "EUR")),  # 5.00495 is cut to 5.00
        (Money(150, "JPY"), Money(1, "JPY")),
        (Money(1_000_000, "KWD"), Money(5_000, "KWD")),
    ],
)
def test_the_larger_of_one_major_unit_and_half_a_percent_is_tolerated(total: Money, tolerated: Money) -> None:
    assert FIRST_TOLERANCE.document.tolerated(total) == tolerated


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
