"""The facts of a letter by the clocks of a place: every instant in them is told in its zone."""

from datetime import datetime
from typing import TypeVar

from msgspec import Struct
from msgspec.structs import asdict, replace

from redress.business_day import zone_of

F = TypeVar("F")


def in_zone(facts: F, zone: str) -> F:
    """The same facts, of the same type; only how their instants are written down differs."""
    if isinstance(facts, datetime):
        return facts.astimezone(zone_of(zone))
    if isinstance(facts, tuple):
        return tuple(in_zone(each, zone) for each in facts)  # type: ignore[return-value] # as above
    if isinstance(facts, Struct):
        changed = {name: told for name, value in asdict(facts).items() if (told := in_zone(value, zone)) is not value}
        return replace(facts, **changed) if changed else facts
    return facts
