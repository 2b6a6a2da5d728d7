"""The only reader of the wall clock. Everything else takes time as an argument."""

from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Says what time it is, as an aware UTC datetime."""

    def now(self) -> datetime: ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)  # noqa: TID251 - this is the one place
