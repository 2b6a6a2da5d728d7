import pytest
from hypothesis import given
from hypothesis import strategies as st

from redress.money import MAX_MINOR, Money, MoneyError, allocate, minor_digits, parse_money, total


@pytest.mark.parametrize(
    ("amount", "currency", "minor"),
    [
        ("1234.50", "EUR", 123_450),
        ("1234.5", "EUR", 123_450),
        ("1234", "EUR", 123_400),
        ("-0.05", "USD", -5),
        ("5", "JPY", 5),
        ("5.0", "JPY", 5),
        ("1.234", "KWD", 1_234),
        ("1.2345", "CLF", 12_345),
        ("0", "EUR", 0),
    ],
)
def test_decimal_text_is_read_in_the_currencys_own_minor_unit(amount: str, currency: str, minor: int) -> None:
    assert parse_money(amount, currency) == Money(minor, currency)


@pytest.mark.parametrize(
    ("money", "amount"),
    [
        (Money(123_450, "EUR"), "1234.50"),
        (Money(5, "EUR"), "0.05"),
        (Money(-5, "EUR"), "-0.05"),
        (Money(-123_450, "EUR"), "-1234.50"),
        (Money(0, "EUR"), "0.00"),
        (Money(5, "JPY"), "5"),
        (Money(-5, "JPY"), "-5"),
        (Money(1_234, "KWD"), "1.234"),
        (Money(12_345, "CLF"), "1.2345"),
    ],
)
def test_an_amount_is_written_with_all_its_decimals(money: Money, amount: str) -> None:
    assert money.amount == amount


@pytest.mark.parametrize(
    ("amount", "currency", "reason"),
    [
        ("1.005", "EUR", "more decimals than EUR allows"),
        ("0.5", "JPY", "more decimals than JPY allows"),
        ("1.2345", "KWD", "more decimals than KWD allows"),
        ("1,234.50", "EUR", "is not a decimal amount"),
        ("1e3", "EUR", "is not a decimal amount"),
        ("NaN", "EUR", "is not a decimal amount"),
        ("", "EUR", "is not a decimal amount"),
        (" 1", "EUR", "is not a decimal amount"),
        ("1\n", "EUR", "is not a decimal amount"),
        ("١٢", "EUR", "is not a decimal amount"),
        ("+1", "EUR", "is not a decimal amount"),
        ("1.00", "XXZ", "is not an ISO 4217 currency"),
        ("1.00", "eur", "is not an ISO 4217 currency"),
        ("1.00", "XAU", "has no minor unit"),
        ("9999999999999999", "EUR", "beyond the accepted range"),
    ],
)
def test_text_that_is_not_exact_money_is_refused_with_the_reason(amount: str, currency: str, reason: str) -> None:
    with pytest.raises(MoneyError, match=reason):
        parse_money(amount, currency)


def test_the_largest_accepted_amount_is_exact() -> None:
    assert parse_money("10000000000000.00", "EUR") == Money(MAX_MINOR, "EUR")
    with pytest.raises(MoneyError):
        parse_money("10000000000000.01", "EUR")


def test_two_currencies_are_never_added_subtracted_or_compared() -> None:
    euro, dollar = Money(1, "EUR"), Money(1, "USD")
    for wrong in (lambda: euro + dollar, lambda: euro - dollar, lambda: euro < dollar, lambda: euro <= dollar):
        with pytest.raises(MoneyError):
            wrong()
    with pytest.raises(MoneyError):
        total([euro, dollar], "EUR")
    assert euro != dollar


def test_sums_start_at_zero_of_their_currency() -> None:
    assert total([], "JPY") == Money(0, "JPY")
    assert total([Money(150, "EUR"), Money(-50, "EUR")], "EUR") == Money(100, "EUR")


def test_minor_digits_follow_iso_4217() -> None:
    assert [minor_digits(code) for code in ("JPY", "EUR", "KWD", "CLF")] == [0, 2, 3, 4]


@pytest.mark.parametrize(
    ("minor", "weights", "parts"),
    [
        (100, [1, 1, 1], [34, 33, 33]),  # ties go to the earlier position
        (100, [1, 2, 3], [17, 33, 50]),  # exact 16.67, 33.33, 50: the largest remainder gets the cent
        (5, [30, 20, 50], [2, 1, 2]),  # exact 1.5, 1.0, 2.5: one cent, the first tie gets it
        (10, [0, 1], [0, 10]),
        (1, [1, 1], [1, 0]),
        (0, [0, 0], [0, 0]),
        (0, [], []),
        (-100, [1, 1, 1], [-33, -33, -34]),
    ],
)
def test_allocation_is_by_largest_remainder(minor: int, weights: list[int], parts: list[int]) -> None:
    assert allocate(minor, weights) == parts


def test_nothing_can_be_allocated_to_nobody() -> None:
    with pytest.raises(MoneyError):
        allocate(1, [0, 0])


@given(st.integers(-(10**12), 10**12), st.lists(st.integers(0, 10**9), min_size=1, max_size=30))
def test_the_parts_always_add_up(minor: int, weights: list[int]) -> None:
    if sum(weights) == 0:
        minor = 0
    parts = allocate(minor, weights)
    assert sum(parts) == minor
    assert all(part == 0 for part, weight in zip(parts, weights, strict=True) if weight == 0)


@given(st.integers(-MAX_MINOR, MAX_MINOR), st.sampled_from(["EUR", "JPY", "KWD", "CLF"]))
def test_written_and_read_again_it_is_the_same_money(minor: int, currency: str) -> None:
    money = Money(minor, currency)
    assert parse_money(money.amount, currency) == money
