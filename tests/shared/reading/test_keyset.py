"""Pages by keyset: complete, without an empty last one, and of the list they were asked of."""

import pytest

from redress.reading.keyset import Page, keyset
from redress.web.pages import Cursors
from redress.web.problem import Problem

CURSORS = Cursors(b"0123456789abcdef")
NUMBERS = list(range(1, 8))


def page(cursor: str | None, limit: int, *, tenant: str = "acme", status: str = "open") -> Page[str]:
    asked = keyset(CURSORS, "numbers", tenant, {"status": status}, cursor, limit)
    after = 0 if asked.after is None else int(str(asked.after[0]))
    rows = [number for number in NUMBERS if number > after][: asked.rows]
    return asked.page(rows, key=lambda number: [number], item=str)


def pages(limit: int) -> list[list[str]]:
    found, cursor = [], None
    while True:
        here = page(cursor, limit)
        found.append(list(here.items))
        if here.next_cursor is None:
            return found
        cursor = here.next_cursor


@pytest.mark.parametrize(
    ("limit", "expected"),
    [
        (3, [["1", "2", "3"], ["4", "5", "6"], ["7"]]),
        (7, [["1", "2", "3", "4", "5", "6", "7"]]),
        (100, [["1", "2", "3", "4", "5", "6", "7"]]),
    ],
)
def test_the_pages_are_the_list_and_the_last_one_says_that_it_is(limit: int, expected: list[list[str]]) -> None:
    assert pages(limit) == expected


def test_a_cursor_of_another_tenant_or_other_filters_is_refused() -> None:
    cursor = page(None, 3).next_cursor
    for other in ({"tenant": "globex"}, {"status": "closed"}):
        with pytest.raises(Problem) as refused:
            page(cursor, 3, **other)
        assert refused.value.code == "invalid_cursor"
