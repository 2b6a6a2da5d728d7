"""The commands to a resolution matrix."""

from datetime import datetime

from msgspec import Struct

from dispute_service.routing.matrix import CalendarSpec, Rule


class PublishMatrix(Struct, frozen=True, kw_only=True):
    at: datetime
    rules: tuple[Rule, ...]
    calendars: dict[str, CalendarSpec]
    comment: str | None = None


MatrixCommand = PublishMatrix
