"""The time zones of a tenant's legal entities, as they were known at an instant, and the business day of each row.

A zone that changed later does not change a past answer: `known_at` takes the zone that was known then.
"""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Final

from msgspec import Struct

from redress.business_day import DEFAULT_ZONE, business_day
from redress.decider import fold
from redress.eventlog.connections import Connection
from redress.eventlog.log import EventLog
from redress.legal_entities.stream import LEGAL_ENTITY, legal_entity_stream
from redress.reading.moment import Moment


class EntityDays(Struct, frozen=True, kw_only=True):
    """The business day that rows are asked about: `day`, and that of the entities `codes` where it is another one
    (`days`, in the same order). For a day that was asked for there are none: it is a date everywhere."""

    day: date
    codes: tuple[str, ...] = ()
    days: tuple[date, ...] = ()

    def of(self, legal_entity: str | None) -> date:
        return self._by_code().get(legal_entity or "", self.day)

    def _by_code(self) -> dict[str, date]:
        return dict(zip(self.codes, self.days, strict=True))


class Zones(Struct, frozen=True):
    """By the entity's code. An entity that nobody described has UTC."""

    by_code: Mapping[str, str] = {}

    def of(self, legal_entity: str | None) -> str:
        return self.by_code.get(legal_entity or "", DEFAULT_ZONE)

    def days(self, moment: Moment, now: datetime) -> EntityDays:
        """The business day of each entity's rows."""
        usual = moment.day(now)
        if moment.as_of is not None:
            return EntityDays(day=usual)
        other = {code: day for code, zone in self.by_code.items() if (day := business_day(now, zone)) != usual}
        return EntityDays(day=usual, codes=tuple(other), days=tuple(other.values()))


ALL_UTC: Final = Zones()


async def zones(connection: Connection, tenant_id: str, known_at: datetime | None = None) -> Zones:
    """All that the tenant described, now or as known at an instant."""
    if known_at is None:
        rows = await connection.fetch("SELECT code, zone FROM legal_entity_current WHERE tenant_id = $1", tenant_id)
    else:
        rows = await connection.fetch(
            "SELECT code, zone FROM legal_entity_history WHERE tenant_id = $1 AND known_from <= $2"
            " AND (known_until IS NULL OR known_until > $2)",
            tenant_id,
            known_at,
        )
    return Zones({row["code"]: row["zone"] for row in rows})


async def entity_days(connection: Connection, tenant_id: str, moment: Moment, now: datetime) -> EntityDays:
    """The business day of each row of a list that spans entities."""
    if moment.as_of is not None:
        return EntityDays(day=moment.as_of)
    return (await zones(connection, tenant_id, moment.known_at)).days(moment, now)


async def zone_of_entity(log: EventLog, tenant_id: str, legal_entity: str | None, moment: Moment) -> str:
    """The zone of one entity as it was known at the moment."""
    if legal_entity is None:
        return DEFAULT_ZONE
    stored = await log.read_stream(tenant_id, legal_entity_stream(tenant_id, legal_entity))
    return fold(LEGAL_ENTITY, [event for event in stored if event.recorded_at <= moment.recorded_by]).zone
