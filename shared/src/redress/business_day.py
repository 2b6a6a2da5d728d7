"""The business day: which date it is for a legal entity, and when that date is over.

One meaning of "now" for single answers, lists, positions, ageing, holds and disputes: everything that is recorded by
now, up to the end of today's business day. What is post-dated (a value date, an issue date, a correction that lies in
the future) is recorded and does not count before its day. So "now" and `as_of=<today>` are one question with one
answer. Today is the day of the entity whose row it is (decision 0046); an entity that nobody described has UTC's.
"""

from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

DEFAULT_ZONE: Final = "UTC"

_OF_A_MACHINE: Final = frozenset({"localtime", "posixrules", "Factory"})  # what they mean depends on where it runs


class UnknownZone(ValueError):
    """The name is not one of the IANA time zone database."""


@cache
def zone_of(name: str) -> ZoneInfo:
    """The time zone. UnknownZone for a name that the IANA database does not have."""
    if name in _OF_A_MACHINE:
        raise UnknownZone(name)
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise UnknownZone(name) from None


def is_zone(name: str) -> bool:
    """Whether it is a name that the IANA database lists, spelt as there."""
    return name in _listed_zones()


def business_day(instant: datetime, zone: str = DEFAULT_ZONE) -> date:
    """The date that the clocks of the zone show at an (aware) instant."""
    return instant.astimezone(zone_of(zone)).date()


def day_ends(day: date, zone: str = DEFAULT_ZONE) -> datetime:
    """The first instant (UTC) that is not of the business day any more.

    A day on which the clocks change is as long as it is. Where they are set back over midnight, the day is over when
    they pass midnight for the last time.
    """
    midnight = datetime.combine(day + timedelta(days=1), time(), zone_of(zone))
    ends = [midnight.replace(fold=fold).astimezone(UTC) for fold in (0, 1)]
    passed = [at for at in ends if business_day(at - timedelta.resolution, zone) <= day < business_day(at, zone)]
    return max(passed, default=ends[0])


def day_begins(day: date, zone: str = DEFAULT_ZONE) -> datetime:
    """The first instant (UTC) of the business day."""
    return day_ends(day - timedelta(days=1), zone)


@cache
def _listed_zones() -> frozenset[str]:
    return frozenset(available_timezones()) - _OF_A_MACHINE
