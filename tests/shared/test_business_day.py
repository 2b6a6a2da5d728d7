"""A business day is the day of a place: it begins and ends when the clocks there say so."""

from datetime import UTC, date, datetime, timedelta

import pytest

from redress.business_day import UnknownZone, business_day, day_begins, day_ends, is_zone, zone_of
from redress.reading.moment import Moment


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def test_half_past_eight_on_halloween_in_new_york_is_still_october_there() -> None:
    evening = at("2026-10-31T20:30:00-04:00")
    assert business_day(evening, "America/New_York") == date(2026, 10, 31)
    assert business_day(evening) == date(2026, 11, 1)
    assert Moment().day(evening, "America/New_York") == date(2026, 10, 31)


@pytest.mark.parametrize(
    ("zone", "day", "ends"),
    [
        ("UTC", date(2026, 2, 28), "2026-03-01T00:00Z"),
        ("Europe/Berlin", date(2026, 6, 30), "2026-06-30T22:00Z"),
        # Twelve hours and more from Greenwich, to both sides.
        ("Pacific/Kiritimati", date(2026, 6, 30), "2026-06-30T10:00Z"),
        ("Pacific/Chatham", date(2026, 6, 30), "2026-06-30T11:15Z"),
        ("Etc/GMT+12", date(2026, 6, 30), "2026-07-01T12:00Z"),
        # The clocks change that day: 23 hours, 25 hours.
        ("Europe/Berlin", date(2026, 3, 29), "2026-03-29T22:00Z"),
        ("Europe/Berlin", date(2026, 10, 25), "2026-10-25T23:00Z"),
        ("America/New_York", date(2026, 11, 1), "2026-11-02T05:00Z"),
        # No midnight: the clocks go from 24:00 to 01:00.
        ("Asia/Beirut", date(2026, 3, 28), "2026-03-28T22:00Z"),
        # Midnight twice, the first time on the next day: 00:01 goes back to 23:01.
        ("America/St_Johns", date(2010, 11, 6), "2010-11-07T03:30Z"),
        # Midnight twice, both on one day: 01:00 goes back to 00:00.
        ("Atlantic/Azores", date(2026, 10, 24), "2026-10-25T00:00Z"),
        # Samoa had no 30 December 2011.
        ("Pacific/Apia", date(2011, 12, 29), "2011-12-30T10:00Z"),
    ],
)
def test_a_day_ends_when_the_clocks_of_the_place_pass_midnight(zone: str, day: date, ends: str) -> None:
    assert day_ends(day, zone) == at(ends)
    assert day_begins(day + timedelta(days=1), zone) == at(ends)
    assert business_day(at(ends) - timedelta(microseconds=1), zone) == day
    assert business_day(at(ends), zone) > day
    assert Moment(day).before(zone) == at(ends)


def test_the_first_day_and_the_last_one_that_can_be_asked_for_end_everywhere() -> None:
    assert day_ends(date(1970, 1, 1), "Asia/Tokyo") == at("1970-01-01T15:00Z")
    assert day_ends(date(2200, 12, 31), "Asia/Tokyo") == at("2200-12-31T15:00Z")


@pytest.mark.parametrize("name", ["", "Mars/Olympus", "../etc/passwd", "localtime", "posixrules", "Factory", "x" * 300])
def test_a_name_that_is_no_zone_is_refused(name: str) -> None:
    assert not is_zone(name)
    with pytest.raises(UnknownZone):
        zone_of(name)


def test_a_zone_is_spelt_as_the_database_spells_it() -> None:
    assert is_zone("Europe/Berlin")
    assert not is_zone("europe/berlin")
