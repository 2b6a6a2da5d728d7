"""The moment a question is about, asked and understood in one way by every service.

`as_of` is a business date: the end of that day in the time zone of the legal entity whose row it is. `known_at` is an
instant with an offset: what was recorded by then counts. Both left out is now: everything recorded, up to the end of
today's business day (`redress.business_day` has the rule), so that what is post-dated does not count before its day.
"""

import re
from datetime import UTC, date, datetime
from typing import Annotated, Final

from fastapi import Depends, Query
from msgspec import Struct
from pydantic import AwareDatetime, TypeAdapter

from redress.business_day import DEFAULT_ZONE, business_day, day_ends
from redress.web.problem import FieldError, Problem, kernel_problem

EARLIEST: Final = date(1970, 1, 1)
LATEST: Final = date(2200, 12, 31)
_END_OF_TIME: Final = datetime.max.replace(tzinfo=UTC)

_instant: Final = TypeAdapter(AwareDatetime)
_DATE: Final = re.compile(r"\d{4}-\d{2}-\d{2}")  # RFC 3339, not all that Python reads: weeks, dates without hyphens
_INSTANT: Final = re.compile(rf"{_DATE.pattern}[Tt ].+")


class Moment(Struct, frozen=True):
    """`as_of` None is today, `known_at` None everything that is recorded."""

    as_of: date | None = None
    known_at: datetime | None = None

    @property
    def is_now(self) -> bool:
        """Neither was asked for: the current state answers, one's own writes included."""
        return self.as_of is None and self.known_at is None

    @property
    def recorded_by(self) -> datetime:
        """The instant that rows are compared with, however this machine's clock differs from the database's."""
        return self.known_at or _END_OF_TIME

    def day(self, now: datetime, zone: str = DEFAULT_ZONE) -> date:
        """The business day that is asked about: what counts after it does not count. Today in `zone` if none was."""
        return self.as_of or business_day(now, zone)

    def before(self, zone: str = DEFAULT_ZONE) -> datetime | None:
        """The first instant that is not of the business day any more; None where no day was asked for: what is recorded
        with an instant of its own never lies in the future."""
        return None if self.as_of is None else day_ends(self.as_of, zone)

    def stated(self, now: datetime) -> datetime:
        """The instant that the answer names: asking with it as `known_at` again gives the same answer."""
        return self.known_at or now


def business_date(text: str) -> date:
    """The date. Problem 422: an instant belongs into `known_at`, another text is no date."""
    day = _date_of(text)
    if day is None and _INSTANT.fullmatch(text):
        raise _wrong("as_of", "is an instant; as_of takes a business date, and known_at an instant", "YYYY-MM-DD")
    if day is None:
        raise _wrong("as_of", "is not a date", "YYYY-MM-DD")
    if not EARLIEST <= day <= LATEST:
        raise _wrong("as_of", "is out of bounds", f"YYYY-MM-DD from {EARLIEST} to {LATEST}")
    return day


def recorded_instant(text: str) -> datetime:
    """The instant in UTC. Problem 422 for one without an offset, or a text that is none."""
    allowed = "an instant with an offset, such as 2026-11-30T12:00:00Z"
    instant = _instant_of(text)
    if instant is None and _date_of(text) is not None:
        raise _wrong("known_at", "is a date; known_at takes an instant, and as_of a business date", allowed)
    if instant is None:
        raise _wrong("known_at", "is not an instant with an offset", allowed)
    if not EARLIEST <= instant.date() <= LATEST:
        raise _wrong("known_at", "is out of bounds", f"{allowed}, from {EARLIEST} to {LATEST}")
    return instant


def _date_of(text: str) -> date | None:
    if not _DATE.fullmatch(text):
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _instant_of(text: str) -> datetime | None:
    if not _INSTANT.fullmatch(text):
        return None
    try:
        return _instant.validate_strings(text).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


async def _moment(
    as_of: Annotated[
        str | None,
        Query(
            max_length=40,
            description="Business date: the end of this day; today if left out.",
            json_schema_extra={"format": "date", "examples": ["2026-11-30"]},
        ),
    ] = None,
    known_at: Annotated[
        str | None,
        Query(
            max_length=40,
            description="Instant with an offset: from what was recorded by then; everything if left out.",
            json_schema_extra={"format": "date-time", "examples": ["2026-11-30T12:00:00Z"]},
        ),
    ] = None,
) -> Moment:
    return Moment(
        None if as_of is None else business_date(as_of),
        None if known_at is None else recorded_instant(known_at),
    )


AskedMoment = Annotated[Moment, Depends(_moment)]
"""For routes that answer on both axes: `moment: AskedMoment`."""


def only_known_at(moment: Moment, *, instead: str) -> datetime | None:
    """The `known_at` of a list that keeps what was recorded when, and not what counted when. Problem 422 for `as_of`;
    `instead` says which question answers it."""
    if moment.as_of is not None:
        raise _wrong("as_of", "is not answered by this list", instead)
    return moment.known_at


def only_now(moment: Moment, *, instead: str) -> None:
    """For a list that knows the present only. Problem 422 for `as_of` and `known_at`; `instead` says which question
    answers them."""
    for name, asked in (("as_of", moment.as_of), ("known_at", moment.known_at)):
        if asked is not None:
            raise _wrong(name, "is not answered by this list", instead)


def _wrong(parameter: str, detail: str, allowed: str) -> Problem:
    error = FieldError(None, detail, allowed, parameter=parameter, location="query")
    return kernel_problem("invalid_request", "one place to correct; see errors", errors=[error])
