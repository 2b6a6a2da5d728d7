"""A legal entity as it was described last. `evolve` never raises."""

from msgspec import Struct

from redress.business_day import DEFAULT_ZONE
from redress.legal_entities.events import LegalEntityDescribed, LegalEntityEvent


class LegalEntity(Struct, frozen=True, kw_only=True):
    """`described` None: nobody has described it, and its business day is UTC's."""

    described: LegalEntityDescribed | None = None

    @property
    def zone(self) -> str:
        return DEFAULT_ZONE if self.described is None else self.described.zone


def evolve(state: LegalEntity, event: LegalEntityEvent) -> LegalEntity:  # noqa: ARG001 - each replaces the whole
    return LegalEntity(described=event)


def describe(wanted: LegalEntityDescribed, state: LegalEntity) -> list[LegalEntityEvent]:
    """No event where it is described so already; the time of the description is no part of it."""
    known = state.described
    if known is not None and _without_time(known) == _without_time(wanted):
        return []
    return [wanted]


def _without_time(described: LegalEntityDescribed) -> tuple[object, ...]:
    return (described.code, described.zone, described.calendar, described.currency, described.sender)
