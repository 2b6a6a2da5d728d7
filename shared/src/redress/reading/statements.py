"""Statements that SQLAlchemy words and asyncpg runs, so that a list is read on its tenant's own connection."""

from typing import Any

from sqlalchemy import Select
from sqlalchemy.dialects.postgresql import asyncpg
from sqlalchemy.sql.compiler import SQLCompiler

_dialect = asyncpg.dialect()  # type: ignore[no-untyped-call]


def worded(statement: Select[Any]) -> tuple[str, list[object]]:
    """The SQL with $1, $2, … and their values: `await connection.fetch(sql, *arguments)`.

    Values stand in the arguments, never in the text. A row of asyncpg has jsonb as text; its other values are as
    SQLAlchemy gives them. sqlalchemy.exc.InvalidRequestError if a parameter has no value.
    """
    compiled = statement.compile(dialect=_dialect)
    if not isinstance(compiled, SQLCompiler):
        raise TypeError("a select is worded by an SQL compiler")
    expanded = compiled.construct_expanded_state()
    # The values of IN have names of their own, which only `expanded` knows.
    processors = dict(expanded.processors)
    for name, bind in compiled.binds.items():
        if (processor := bind.type.dialect_impl(_dialect).bind_processor(_dialect)) is not None:
            processors.setdefault(name, processor)
    arguments: list[object] = []
    for name in expanded.positiontup or ():
        value = expanded.parameters[name]
        processor = processors.get(name)
        arguments.append(processor(value) if callable(processor) else value)
    return expanded.statement, arguments
