"""The language that a recipient gets, and its forms of money, days and hours."""

from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum

from babel import Locale
from babel.dates import format_date
from babel.numbers import format_currency
from msgspec import Struct

from redress.money import Money


class Language(StrEnum):
    ENGLISH = "en"
    GERMAN = "de"


class Convention(Struct, frozen=True):
    """How a language writes numbers and dates: CLDR patterns, read by Babel."""

    locale: Locale
    money: str
    day: str
    hour: Callable[[datetime], str]


def choose(asked: str) -> Language:
    """The language of the mail: German for de, de-AT, de_CH …, English for everything else."""
    primary = asked.strip().lower().replace("_", "-").partition("-")[0]
    return Language.GERMAN if primary == "de" else Language.ENGLISH


def money(amount: Money, language: Language) -> str:
    """1.234,50 EUR in German (code behind, as invoices write it), €1,234.50 in English; decimals as ISO 4217 says."""
    convention = _CONVENTIONS[language]
    return format_currency(Decimal(amount.amount), amount.currency, format=convention.money, locale=convention.locale)


def day(value: date, language: Language) -> str:
    """23.11.2026 in German; 23 November 2026 in English, because 11/12/2026 means two days."""
    convention = _CONVENTIONS[language]
    return format_date(value, format=convention.day, locale=convention.locale)


def moment(value: datetime, language: Language) -> str:
    """Day and time in the zone that the instant is told in, which is named: the reader may be elsewhere."""
    return f"{day(value.date(), language)}, {_CONVENTIONS[language].hour(value)}"


def _zone(at: datetime) -> str:
    """UTC, CET, EST …; UTC+05:45 where the place has no name for it."""
    name = at.tzname() or "UTC"
    offset = f"{at:%z}"
    return name if name.isalpha() else f"UTC{offset[:3]}:{offset[3:5]}"


_CONVENTIONS = {
    Language.ENGLISH: Convention(
        locale=Locale("en"), money="¤#,##0.00", day="d MMMM yyyy", hour=lambda at: f"{at:%H:%M} {_zone(at)}"
    ),
    Language.GERMAN: Convention(
        locale=Locale("de", "DE"),
        money="#,##0.00 ¤¤",
        day="dd.MM.yyyy",
        hour=lambda at: f"{at:%H:%M} Uhr ({_zone(at)})",
    ),
}
