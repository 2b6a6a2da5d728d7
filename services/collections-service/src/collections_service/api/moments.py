"""`as_of` and `known_at` of a question: the business day, and the instant whose knowledge counts."""

from datetime import UTC, date, datetime
from typing import Annotated

from fastapi import Query
from pydantic import AwareDatetime

from collections_service.queries.reading import Moment

AsOf = Annotated[date | None, Query(description="The end of this business day; today if left out.")]
KnownAt = Annotated[
    AwareDatetime | None, Query(description="With what was recorded by this instant; everything if left out.")
]


def moment(as_of: date | None, known_at: datetime | None, now: datetime) -> Moment:
    """The moment asked about, today and now where it is left out."""
    return Moment(as_of or now.astimezone(UTC).date(), known_at, now)


def asked_moment(as_of: date | None, known_at: datetime | None, now: datetime) -> Moment | None:
    """None where neither is asked for: then the current state answers, one's own writes included."""
    return None if as_of is None and known_at is None else moment(as_of, known_at, now)
