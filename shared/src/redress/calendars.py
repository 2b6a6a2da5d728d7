"""Business hours of a place: when a due date that is promised in working hours really falls.

A due date is stored with its inputs (`CalendarInputs`), so that anybody can see which holidays were skipped and
compute it again years later, even when the holiday rules have changed since.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from functools import cache, lru_cache
from importlib.metadata import version
from zoneinfo import ZoneInfo

import holidays
from msgspec import Struct

from redress.business_day import UnknownZone, zone_of

MAX_HOURS = 10_000  # about five years of working days; a longer promise is a mistake
_CACHED_DAYS = 10_000
_MAX_DAYS = 6 * 366  # how far ahead a day is looked for before the calendar is called wrong


class CalendarError(ValueError):
    """The country, subdivision, time zone, hours or instant cannot be worked with; the message says which."""


class SkippedHoliday(Struct, frozen=True):
    """A holiday that would have been a working day. `name` is in the country's own language."""

    day: date
    name: str


class CalendarInputs(Struct, frozen=True, kw_only=True):
    """Everything a due date was computed from. Opening hours are local wall time of `timezone`.

    `weekend` counts Monday as 0. `holidays_version` is the version of the `holidays` package whose rules were used;
    `holidays_skipped` are the ones between start and due date that cost time.
    """

    start: datetime
    hours: int
    country: str
    subdivision: str | None
    timezone: str
    opens: time
    closes: time
    weekend: tuple[int, ...]
    holidays_version: str
    holidays_skipped: tuple[SkippedHoliday, ...]


class BusinessCalendar(Struct, frozen=True):
    """The working hours of a country (ISO 3166-1 alpha-2) or of one of its subdivisions (`BY` for Bavaria).

    Weekends are the country's own. Half holidays such as 24 December in Germany count as the law has them: working.
    """

    country: str
    subdivision: str | None = None
    timezone: str = "Europe/Berlin"
    opens: time = time(9)
    closes: time = time(17)

    def __post_init__(self) -> None:
        if self.opens >= self.closes:
            raise CalendarError(f"a business day cannot open at {self.opens} and close at {self.closes}")
        if self.opens.tzinfo or self.closes.tzinfo:
            raise CalendarError("opening hours are wall time of the calendar's time zone and carry none themselves")
        _zone(self.timezone)
        _holidays(self.country, self.subdivision)

    def is_working_day(self, day: date) -> bool:
        calendar = _holidays(self.country, self.subdivision)
        return day.weekday() not in calendar.weekend and day not in calendar

    def add_business_hours(self, start: datetime, hours: int) -> datetime:
        """The UTC instant at which `hours` working hours have passed since `start` (aware).

        A promise that uses a day up to its end is due at closing time, not at the next opening. 0 hours are due at
        once inside working hours and at the next opening outside. Hours are real hours: a day on which the clocks
        change inside the opening hours is as long as it is. CalendarError for a naive start or hours out of bounds.
        """
        if start.tzinfo is None:
            raise CalendarError("the start must carry its UTC offset")
        if not 0 <= hours <= MAX_HOURS:
            raise CalendarError(f"hours must be between 0 and {MAX_HOURS}, not {hours}")
        remaining = timedelta(hours=hours)
        for opening, closing in self._windows(start):
            begin = max(opening, start)
            if begin >= closing:
                continue
            if remaining <= closing - begin:
                return (begin + remaining).astimezone(UTC)
            remaining -= closing - begin
        raise CalendarError(f"no end was found within {_MAX_DAYS} days")

    def inputs(self, start: datetime, hours: int) -> CalendarInputs:
        """The inputs that explain and recompute `add_business_hours(start, hours)`."""
        due = self.add_business_hours(start, hours)
        return CalendarInputs(
            start=start.astimezone(UTC),
            hours=hours,
            country=self.country,
            subdivision=self.subdivision,
            timezone=self.timezone,
            opens=self.opens,
            closes=self.closes,
            weekend=tuple(sorted(_holidays(self.country, self.subdivision).weekend)),
            holidays_version=_holidays_version(),
            holidays_skipped=tuple(self._skipped(start, due)),
        )

    def _windows(self, start: datetime) -> Iterator[tuple[datetime, datetime]]:
        """Opening and closing (UTC) of every working day from the local day of `start` on."""
        day = start.astimezone(_zone(self.timezone)).date()
        for _ in range(_MAX_DAYS):
            window = _window(self, day)
            if window is not None:
                yield window
            day += timedelta(days=1)

    def _skipped(self, start: datetime, due: datetime) -> Iterator[SkippedHoliday]:
        zone = _zone(self.timezone)
        day, last = start.astimezone(zone).date(), due.astimezone(zone).date()
        while day <= last:
            if _window(self, day) is None and (holiday := _skipped_holiday(self, day)) is not None:
                yield holiday
            day += timedelta(days=1)


def recompute(inputs: CalendarInputs) -> datetime:
    """The due date of stored inputs by the holiday rules installed now: equal unless rules changed in between."""
    calendar = BusinessCalendar(inputs.country, inputs.subdivision, inputs.timezone, inputs.opens, inputs.closes)
    return calendar.add_business_hours(inputs.start, inputs.hours)


@lru_cache(maxsize=_CACHED_DAYS)
def _window(calendar: BusinessCalendar, day: date) -> tuple[datetime, datetime] | None:
    """Opening and closing (UTC) of the day, None if it is not a working day."""
    if not calendar.is_working_day(day):
        return None
    zone = _zone(calendar.timezone)
    opening = datetime.combine(day, calendar.opens, zone).astimezone(UTC)
    return opening, datetime.combine(day, calendar.closes, zone).astimezone(UTC)


@lru_cache(maxsize=_CACHED_DAYS)
def _skipped_holiday(calendar: BusinessCalendar, day: date) -> SkippedHoliday | None:
    """The holiday of the day, None if there is none or the day is a weekend anyway."""
    found = _holidays(calendar.country, calendar.subdivision)
    name = found.get(day)
    return None if name is None or day.weekday() in found.weekend else SkippedHoliday(day, name)


@cache
def _holidays_version() -> str:
    return version("holidays")  # reading a package's metadata takes milliseconds


@cache
def _zone(name: str) -> ZoneInfo:
    try:
        return zone_of(name)
    except UnknownZone:
        raise CalendarError(f"{name[:60]!r} is not an IANA time zone") from None


@cache
def _holidays(country: str, subdivision: str | None) -> holidays.HolidayBase:
    # The object computes a year when it is first asked for a day of it and keeps it. The language is named because
    # the package otherwise takes the machine's locale, and stored inputs must not depend on where they were computed.
    try:
        language = holidays.country_holidays(country, subdiv=subdivision).default_language
        return holidays.country_holidays(country, subdiv=subdivision, language=language)
    except NotImplementedError:
        place = country[:20] if subdivision is None else f"{country[:20]}-{subdivision[:20]}"
        raise CalendarError(f"no holiday calendar is known for {place!r}") from None
