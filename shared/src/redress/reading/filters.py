"""Filters of a list: each is one field that says its query parameter, its bounds and its condition.

    class DisputeFilter(Struct, frozen=True, kw_only=True):
        owner: Annotated[str | None, Query(max_length=200), EQUALS] = None

A route takes `wanted: Annotated[DisputeFilter, filtering(DisputeFilter)]`, the statement
`.where(*conditions(wanted))`, and the cursor `msgspec.structs.asdict(wanted)`. The column has the field's name.
"""

import inspect
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any, Final, get_type_hints

from fastapi import Depends
from msgspec import Struct
from sqlalchemy import ColumnElement, Text, column


class Condition(Struct, frozen=True):
    """What a filter asks of a row: `of(field's name, value)`, for a value that was given."""

    of: Callable[[str, Any], ColumnElement[bool]]


EQUALS: Final = Condition(lambda name, value: column(name, Text) == value)
"""The column has this text."""

ONE_OF: Final = Condition(lambda name, values: column(name, Text).in_(list(values)))
"""The column has one of these texts."""


def filtering(filters: type[Struct]) -> Any:  # noqa: ANN401 - what FastAPI takes in an annotation
    """The dependency that reads the filters from the query. The class alone would be made in a thread."""

    async def given(**values: Any) -> Struct:
        return filters(**values)

    given.__signature__ = inspect.signature(filters)  # type: ignore[attr-defined] # FastAPI reads it
    return Depends(given)


def conditions(filters: Struct) -> Iterator[ColumnElement[bool]]:
    """The conditions of the filters that were given. None and no values at all are no filter; a field without a
    condition (the sort order) is none either."""
    for name, condition in _conditions_of(type(filters)):
        value = getattr(filters, name)
        if value is not None and value not in ([], ()):
            yield condition.of(name, value)


@cache
def _conditions_of(filters: type[Struct]) -> tuple[tuple[str, Condition], ...]:
    hints = get_type_hints(filters, include_extras=True)
    return tuple(
        (name, said)
        for name, hint in hints.items()
        for said in getattr(hint, "__metadata__", ())
        if isinstance(said, Condition)
    )
