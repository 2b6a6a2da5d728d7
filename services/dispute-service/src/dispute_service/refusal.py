"""What every refusal of this service has in common. The trees stand in each aggregate's `refusals.py`."""

from collections.abc import Mapping
from typing import ClassVar

from redress.money import Money

Fact = str | int | Money | tuple[str, ...] | None


class Refusal(Exception):
    """A wish that is not granted. Nothing was written.

    `code` is stable and for programs, `title` belongs to it, the message says what happened this time. `place` is the
    path into the command that is wrong, None when the dispute and not the command is the reason. `allowed` is what
    would be accepted there. `facts` are values that a program can act on.
    """

    code: ClassVar[str]
    title: ClassVar[str]

    def __init__(
        self,
        message: str,
        *,
        place: tuple[str | int, ...] | None = None,
        allowed: tuple[str, ...] | str | None = None,
        facts: Mapping[str, Fact] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.place = place
        self.allowed = allowed
        self.facts = dict(facts or {})
