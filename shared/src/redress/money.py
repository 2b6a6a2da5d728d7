"""Money as integer minor units and an ISO 4217 code. Never a float, never two currencies in one sum."""

import re
from collections.abc import Iterable
from decimal import Decimal
from functools import cache

import iso4217
from msgspec import Struct

MAX_MINOR = 10**15  # ten trillion in a two-digit currency: above every receivable, far below bigint
_DECIMAL = re.compile(r"-?[0-9]{1,16}(\.[0-9]{1,4})?")  # not \d, which accepts the digits of every script


class MoneyError(ValueError):
    """The text, the precision, the size or the currency is not acceptable; the message says which."""


class Money(Struct, frozen=True, order=False):
    """An exact amount: `minor` units (cents for EUR, yen for JPY) of `currency` (ISO 4217, upper case)."""

    minor: int
    currency: str

    @property
    def amount(self) -> str:
        """The decimal text in the currency's own precision: 123450 EUR is "1234.50", 5 JPY is "5"."""
        digits = minor_digits(self.currency)
        if digits == 0:
            return str(self.minor)
        sign = "-" if self.minor < 0 else ""
        whole, fraction = divmod(abs(self.minor), 10**digits)
        return f"{sign}{whole}.{fraction:0{digits}d}"

    def __add__(self, other: "Money") -> "Money":
        self._same(other)
        return Money(self.minor + other.minor, self.currency)

    def __sub__(self, other: "Money") -> "Money":
        self._same(other)
        return Money(self.minor - other.minor, self.currency)

    def __lt__(self, other: "Money") -> bool:
        self._same(other)
        return self.minor < other.minor

    def __le__(self, other: "Money") -> bool:
        self._same(other)
        return self.minor <= other.minor

    def __str__(self) -> str:
        return f"{self.amount} {self.currency}"

    def _same(self, other: "Money") -> None:
        if self.currency != other.currency:
            raise MoneyError(f"{self.currency} and {other.currency} cannot be combined without a recorded rate")


@cache
def minor_digits(currency: str) -> int:
    """How many decimals ISO 4217 gives the currency. MoneyError for a code that is not a currency."""
    try:
        found = iso4217.Currency(currency)
    except ValueError:
        raise MoneyError(f"{currency!r} is not an ISO 4217 currency code") from None
    if found.exponent is None:
        raise MoneyError(f"{currency!r} has no minor unit and cannot be invoiced")
    return int(found.exponent)


def parse_money(amount: str, currency: str) -> Money:
    """Exact money from decimal text. MoneyError for text that is not plain decimal, too precise or too large."""
    if not _DECIMAL.fullmatch(amount):
        raise MoneyError(f"{amount[:40]!r} is not a decimal amount such as 1234.50")
    scaled = Decimal(amount).scaleb(minor_digits(currency))
    if scaled != scaled.to_integral_value():
        raise MoneyError(f"{amount} has more decimals than {currency} allows ({minor_digits(currency)})")
    minor = int(scaled)
    if abs(minor) > MAX_MINOR:
        raise MoneyError(f"{amount} {currency} is beyond the accepted range")
    return Money(minor, currency)


def total(amounts: Iterable[Money], currency: str) -> Money:
    """The sum, zero for none. MoneyError if any amount has another currency."""
    result = Money(0, currency)
    for amount in amounts:
        result += amount
    return result


def allocate(minor: int, weights: list[int]) -> list[int]:
    """Split `minor` in proportion to `weights` by largest remainder; the parts always add up to `minor`.

    Ties go to the earlier position. Weights are non-negative and not all zero, unless `minor` is 0.
    """
    whole = sum(weights)
    if whole == 0:
        if minor:
            raise MoneyError("nothing to allocate to")
        return [0] * len(weights)
    parts = [minor * weight // whole for weight in weights]
    by_remainder = sorted(range(len(weights)), key=lambda i: (-(minor * weights[i] % whole), i))
    for i in by_remainder[: minor - sum(parts)]:
        parts[i] += 1
    return parts
