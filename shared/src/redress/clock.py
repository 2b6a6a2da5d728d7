"""The only readers of the wall clock. Everything else takes time as an argument."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol


class Clock(Protocol):
    """Says what time it is, as an aware UTC datetime."""

    def now(self) -> datetime: ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)  # noqa: TID251 - this is the one place


class ShiftedClock:
    """The machine's clock, ahead by what a file says: one time for all processes of a local test stack.

    The file is looked at whenever the time is asked for, and read again once it was replaced. There is no time without
    it (FileNotFoundError): no process may go on by another clock than its neighbours.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._machine = SystemClock()
        self._seen: tuple[int, int] | None = None
        self._shift = timedelta(0)

    def now(self) -> datetime:
        found = self._file.stat()
        seen = found.st_mtime_ns, found.st_ino
        if seen != self._seen:
            self._shift, self._seen = read_shift(self._file), seen
        return self._machine.now() + self._shift


def read_shift(file: Path) -> timedelta:
    """How far ahead of the machine's clock the file's stack is. FileNotFoundError, ValueError for other content."""
    return timedelta(microseconds=int(file.read_text()))


def shift_text(shift: timedelta) -> str:
    """The shift as `read_shift` reads it."""
    return f"{shift // timedelta(microseconds=1)}\n"
