"""Keyset pages: one row more than asked for says whether there is a next page, and where it begins."""

from collections.abc import Callable, Mapping, Sequence
from typing import Generic, TypeVar

from msgspec import Struct

from redress.web.pages import Cursors, CursorValue, filters_hash

T = TypeVar("T")
R = TypeVar("R")


class Page(Struct, Generic[T], frozen=True):
    """`next_cursor` is None on the last page."""

    items: Sequence[T]
    next_cursor: str | None


class Keyset(Struct, frozen=True):
    """Where one page of a list begins and how long it is. `after` are the sort values of the row before it, None for
    the first page."""

    after: Sequence[CursorValue] | None
    limit: int
    cursors: Cursors
    filters: bytes

    @property
    def rows(self) -> int:
        """How many rows to read."""
        return self.limit + 1

    def page(self, rows: Sequence[R], key: Callable[[R], Sequence[CursorValue]], item: Callable[[R], T]) -> Page[T]:
        """The page out of the rows that were read. `key` gives a row's sort values, the last of them unique."""
        shown = rows[: self.limit]
        following = self.cursors.encode(list(key(shown[-1])), self.filters) if len(rows) > self.limit else None
        return Page([item(row) for row in shown], following)


def keyset(  # noqa: PLR0917
    cursors: Cursors, list_name: str, tenant: str, filters: Mapping[str, object], cursor: str | None, limit: int
) -> Keyset:
    """The page that was asked for. Problem 400 for a cursor of another list, other filters or another tenant."""
    signed = filters_hash(list_name, tenant, filters)
    return Keyset(None if cursor is None else cursors.decode(cursor, signed), limit, cursors, signed)
