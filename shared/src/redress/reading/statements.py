"""A SQLAlchemy Core statement as text and arguments, so that every list is read over the tenant's own connection."""

from typing import Any, Final

from sqlalchemy import Select
from sqlalchemy.dialects.postgresql.asyncpg import dialect

_DIALECT: Final = dialect(paramstyle="numeric_dollar")  # type: ignore[no-untyped-call] # SQLAlchemy's own


def worded(statement: Select[Any]) -> tuple[str, list[object]]:
    """SQL for asyncpg with `$1`, `$2`, …, and what stands in their places. Every value is bound, none is written."""
    compiled = statement.compile(dialect=_DIALECT, compile_kwargs={"render_postcompile": True})
    values = compiled.params
    return str(compiled), [values[name] for name in compiled.positiontup or ()]
