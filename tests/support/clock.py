"""A clock that tests set."""

from datetime import UTC, datetime, timedelta


class SetClock:
    def __init__(self, now: datetime | None = None) -> None:
        self._now = now or datetime(2026, 11, 23, 9, 0, tzinfo=UTC)

    def now(self) -> datetime:
        return self._now

    def advance(self, **by: float) -> None:
        """`clock.advance(hours=2)`"""
        self._now += timedelta(**by)

    def set(self, now: datetime) -> None:
        self._now = now
