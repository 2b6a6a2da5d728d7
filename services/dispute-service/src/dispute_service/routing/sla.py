"""The date by which a dispute has to be answered, and everything it was computed from.

The date is stored with its inputs and stays: a later matrix or holiday list does not move it silently.
"""

from datetime import datetime, time
from functools import lru_cache

from msgspec import Struct

from dispute_service.routing.matrix import CalendarSpec, ResolutionMatrix, Routing
from redress.calendars import BusinessCalendar, CalendarInputs


class Sla(Struct, frozen=True, kw_only=True):
    """The promise to answer by `due_at`. `inputs` recompute it; rule and version say who promised."""

    due_at: datetime
    rule_id: str
    policy_version: int
    inputs: CalendarInputs


def sla_of(matrix: ResolutionMatrix, routing: Routing, started_at: datetime) -> Sla:
    """The promise that `routing` makes for a dispute whose clock started at `started_at` (UTC)."""
    calendar = calendar_of(matrix.calendars[routing.calendar])
    return Sla(
        due_at=calendar.add_business_hours(started_at, routing.sla_hours),
        rule_id=routing.rule_id,
        policy_version=routing.policy_version,
        inputs=calendar.inputs(started_at, routing.sla_hours),
    )


@lru_cache(maxsize=256)
def calendar_of(spec: CalendarSpec) -> BusinessCalendar:
    """The calendar a specification means. CalendarError for a country, zone or opening hours that do not exist."""
    return BusinessCalendar(
        country=spec.country,
        subdivision=spec.subdivision,
        timezone=spec.time_zone,
        opens=time.fromisoformat(spec.opens),
        closes=time.fromisoformat(spec.closes),
    )
