"""Every refusal of a business rule has this form. The trees stand in each feature's `refusals.py`."""

from collections.abc import Iterator, Mapping
from typing import ClassVar, Literal, Self

from redress.money import Money

Kind = Literal["absent", "conflict", "invalid", "forbidden"]
Place = tuple[tuple[str | int, ...], str, tuple[str, ...] | str | None]
"""Where a command is wrong, the problem there, and what would be accepted."""

Detail = str | int | Money | tuple[str, ...] | None


class Refusal(Exception):
    """A wish that is not granted. Nothing was written.

    `code` is stable and for programs, `title` belongs to it, the message says what happened this time. `kind` says why:
    `absent` there is no such thing, `conflict` its state is the reason, `invalid` the command itself is, `forbidden`
    the caller may not. `place` is the path into the command that is wrong, None when no single place is. `allowed` is
    what would be accepted there; `allowed_actions` are the commands that the present state takes instead, None where
    the state is not the reason. `details` are values that a program can act on.
    """

    code: ClassVar[str]
    title: ClassVar[str]
    kind: ClassVar[Kind] = "invalid"
    allowed_actions: tuple[str, ...] | None = None

    def __init__(
        self,
        message: str,
        *,
        place: tuple[str | int, ...] | None = None,
        allowed: tuple[str, ...] | str | None = None,
        details: Mapping[str, Detail] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.place = place
        self.allowed = allowed
        self.details = dict(details or {})

    def at(self, *place: str | int) -> Self:
        """The same refusal, said of a place in the command; the caller knows it where the rule does not."""
        self.place = place
        return self

    @property
    def places(self) -> tuple[Place, ...]:
        """Each wrong place with the problem there and what is allowed; empty where no place is wrong."""
        return () if self.place is None else ((self.place, self.message, self.allowed),)


def refusals_under(root: type[Refusal]) -> Iterator[type[Refusal]]:
    """The refusals of a tree that can be raised: those with a code of their own."""
    if "code" in vars(root):
        yield root
    for below in root.__subclasses__():
        yield from refusals_under(below)
