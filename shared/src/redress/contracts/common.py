"""Shapes that occur in the contracts of more than one service."""

from functools import lru_cache

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
    return wire_of(money.minor, money.currency)


@lru_cache(maxsize=16_384)
def wire_of(minor: int, currency: str) -> WireMoney:
    """The same from its parts. Kept: a dispute has some twenty amounts, most of them nothing or the same, and putting
    them into words again for every event was the largest part of publishing it."""
    return WireMoney(Money(minor, currency).amount, currency)


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
