from datetime import UTC, date, datetime, time, timedelta, timezone
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from redress.calendars import BusinessCalendar, CalendarError, CalendarInputs, SkippedHoliday, recompute

BERLIN = BusinessCalendar("DE")


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("start", "hours", "due"),
    [
        # Wednesday 2026-11-18, winter time: local = UTC + 1, open 08:00-16:00 UTC
        ("2026-11-18T09:00", 4, "2026-11-18T13:00"),
        ("2026-11-18T09:00", 8, "2026-11-19T09:00"),
        ("2026-11-18T08:00", 8, "2026-11-18T16:00"),  # a whole day ends at closing time
        ("2026-11-18T08:00", 9, "2026-11-19T09:00"),
        ("2026-11-18T03:00", 1, "2026-11-18T09:00"),  # before opening counts from opening
        ("2026-11-18T16:00", 1, "2026-11-19T09:00"),  # closing time is after work
        ("2026-11-18T20:30", 1, "2026-11-19T09:00"),
        ("2026-11-20T15:00", 2, "2026-11-23T09:00"),  # over the weekend
        ("2026-11-21T12:00", 8, "2026-11-23T16:00"),  # Saturday
        ("2026-11-18T09:17", 0, "2026-11-18T09:17"),
        ("2026-11-21T12:00", 0, "2026-11-23T08:00"),
    ],
)
def test_hours_are_counted_inside_opening_hours(start: str, hours: int, due: str) -> None:
    assert BERLIN.add_business_hours(utc(start), hours) == utc(due)


def test_easter_is_skipped_and_named() -> None:
    # Thursday before Easter 2026, 14:00 in Berlin (summer time); Friday 3 and Monday 6 April are holidays.
    start = utc("2026-04-02T12:00")
    assert BERLIN.add_business_hours(start, 8) == utc("2026-04-07T12:00")
    assert BERLIN.inputs(start, 8).holidays_skipped == (
        SkippedHoliday(date(2026, 4, 3), "Karfreitag"),
        SkippedHoliday(date(2026, 4, 6), "Ostermontag"),
    )


def test_the_clock_change_moves_the_utc_hour_and_not_the_local_one() -> None:
    # Clocks go forward on Sunday 2026-03-29: 12:00 in Berlin is 11:00 UTC on Friday and 10:00 UTC on Monday.
    assert BERLIN.add_business_hours(utc("2026-03-27T11:00"), 8) == utc("2026-03-30T10:00")
    # And back on Sunday 2026-10-25.
    assert BERLIN.add_business_hours(utc("2026-10-23T10:00"), 8) == utc("2026-10-26T11:00")


def test_a_working_day_with_a_clock_change_inside_is_as_long_as_it_is() -> None:
    # Israel works on Sundays, the day on which European clocks change; Berlin as the zone and opening at night put the
    # change inside the opening hours.
    night = BusinessCalendar("IL", timezone="Europe/Berlin", opens=time(0), closes=time(6))
    # Sunday 2026-10-25, 00:00 to 06:00 has seven real hours.
    assert night.add_business_hours(utc("2026-10-24T22:00"), 7) == utc("2026-10-25T05:00")


def test_a_holiday_of_one_state_is_a_working_day_in_another() -> None:
    # Corpus Christi, Thursday 2026-06-04: free in Bavaria, worked in Berlin.
    start = utc("2026-06-03T14:00")  # 16:00 local, one hour left
    assert BusinessCalendar("DE", "BY").add_business_hours(start, 2) == utc("2026-06-05T08:00")
    assert BusinessCalendar("DE", "BE").add_business_hours(start, 2) == utc("2026-06-04T08:00")


def test_a_start_with_another_offset_is_the_same_instant() -> None:
    new_york = datetime(2026, 11, 18, 4, 0, tzinfo=timezone(timedelta(hours=-5)))
    assert BERLIN.add_business_hours(new_york, 4) == utc("2026-11-18T13:00")


def test_the_stored_inputs_explain_and_recompute_the_due_date() -> None:
    start = utc("2026-04-02T12:00")
    inputs = BERLIN.inputs(start, 8)
    stored = msgspec.json.decode(msgspec.json.encode(inputs), type=CalendarInputs)
    assert stored == inputs
    assert recompute(stored) == utc("2026-04-07T12:00")
    assert (inputs.country, inputs.timezone, inputs.opens, inputs.closes) == ("DE", "Europe/Berlin", time(9), time(17))
    assert inputs.weekend == (5, 6)
    assert inputs.holidays_version == "0.109"


def test_weekend_holidays_cost_nothing_and_are_not_named() -> None:
    # Saturday 3 October 2026 is the day of unity, a weekend day anyway.
    assert BERLIN.inputs(utc("2026-10-02T14:00"), 8).holidays_skipped == ()


@pytest.mark.parametrize(
    ("calendar", "reason"),
    [
        ({"country": "XX"}, "no holiday calendar is known for 'XX'"),
        ({"country": "DE", "subdivision": "QQ"}, "no holiday calendar is known for 'DE-QQ'"),
        ({"country": "DE", "timezone": "Europe/Atlantis"}, "not an IANA time zone"),
        ({"country": "DE", "timezone": "../etc/passwd"}, "not an IANA time zone"),
        ({"country": "DE", "opens": time(17), "closes": time(9)}, "cannot open at 17:00:00"),
    ],
)
def test_a_calendar_that_does_not_exist_is_refused(calendar: dict[str, Any], reason: str) -> None:
    with pytest.raises(CalendarError, match=reason):
        BusinessCalendar(**calendar)


@pytest.mark.parametrize(
    ("start", "hours", "reason"),
    [
        (datetime(2026, 11, 18, 9), 1, "UTC offset"),  # noqa: DTZ001 - the refusal is the point
        (utc("2026-11-18T09:00"), -1, "between 0 and 10000"),
        (utc("2026-11-18T09:00"), 10_001, "between 0 and 10000"),
    ],
)
def test_what_cannot_be_computed_is_refused(start: datetime, hours: int, reason: str) -> None:
    with pytest.raises(CalendarError, match=reason):
        BERLIN.add_business_hours(start, hours)


@given(
    start=st.datetimes(min_value=datetime(2013, 1, 1), max_value=datetime(2030, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
    first=st.integers(0, 60),
    second=st.integers(0, 60),
)
def test_hours_add_up(start: datetime, first: int, second: int) -> None:
    in_steps = BERLIN.add_business_hours(BERLIN.add_business_hours(start, first), second)
    at_once = BERLIN.add_business_hours(start, first + second)
    # At a closing time, 0 further hours mean the next opening: the only place where the two ways may differ.
    assert in_steps == at_once or second == 0
    assert at_once >= start
