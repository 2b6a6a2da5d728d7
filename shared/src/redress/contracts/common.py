"""Shapes that occur in the contracts of more than one service."""

from collections.abc import Callable
from functools import cache, lru_cache

from msgspec import Struct

from redress.money import Money, parse_money


class WireMoney(Struct, frozen=True):
    """Money on the wire: decimal text in the currency's own precision, and the ISO 4217 code."""

    amount: str
    currency: str

    def money(self) -> Money:
        """MoneyError if the text is not an exact amount of the currency."""
        return parse_money(self.amount, self.currency)


def wire(money: Money) -> WireMoney:
    return wire_in(money.currency)(money.minor)


@cache
def wire_in(currency: str) -> Callable[[int], WireMoney]:
    """Puts minor units of this currency into words.

    What was put into words is kept: a published dispute has some twenty amounts, most of them nothing or the same as in
    the event before, and they were the largest part of publishing it.
    """

    @lru_cache(maxsize=16_384)
    def of(minor: int) -> WireMoney:
        return WireMoney(Money(minor, currency).amount, currency)

    return of


class Sealed(Struct, frozen=True):
    """Personal text, encrypted with the key of one person. Unreadable for ever once that key is deleted.

    `person` names the key in the vault; `box` is nonce and AES-256-GCM ciphertext.
    """

    person: str
    box: bytes


class SealedContact(Struct, frozen=True):
    """A person to write to. `language` is `en` or `de`."""

    name: Sealed
    email: Sealed
    language: str
