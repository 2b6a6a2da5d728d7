"""A select that SQLAlchemy words is run by asyncpg as it stands."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from uuid import UUID

import asyncpg
import msgspec
import pytest
from sqlalchemy import BigInteger, DateTime, Text, Uuid, bindparam, column, literal, select, table, tuple_
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.exc import InvalidRequestError
from support.databases import MakeDatabase

from redress.reading.statements import worded

ONE, TWO = UUID(int=1), UUID(int=2)
AT = datetime(2026, 3, 29, 1, 0, tzinfo=UTC)
name, size, unique = column("name", Text), column("size", BigInteger), column("id", Uuid)
found_at, words, doc = column("at", DateTime(timezone=True)), column("words", ARRAY(Text)), column("doc", JSONB)
THING = table("thing")
ROWS = """
CREATE TEMP TABLE thing (id uuid, name text, size bigint, at timestamptz, words text[], doc jsonb);
INSERT INTO thing VALUES
  ('00000000-0000-0000-0000-000000000001', '50%_off''; --', 5, '2026-03-29T01:00Z', '{a,b}', '{"part": {"n": 1}}'),
  ('00000000-0000-0000-0000-000000000002', '50 off', 7, '2026-03-30T01:00Z', '{b}', '{"part": {"n": 2}}')
"""
CASES = {
    "equal": (name == "50%_off'; --", [ONE]),
    "one of several": (name.in_(["50 off", "other"]), [TWO]),
    "one of none": (name.in_([]), []),
    "one of numbers": (size.in_([5, 7]), [ONE, TWO]),
    "with the signs of a pattern": (name.contains("0%_", autoescape=True), [ONE]),
    "in an array": (words.contains(["a"]), [ONE]),
    "after a place": (tuple_(size, unique) > tuple_(literal(5, BigInteger()), literal(ONE, Uuid())), [TWO]),
    "until an instant": (found_at <= AT, [ONE]),
    "inside a document": (doc["part"]["n"].astext == "2", [TWO]),
    "two of them around a list": (name.in_(["50 off"]) & (size == 7) & name.in_(["50 off"]), [TWO]),
}


@pytest.fixture(scope="module")
async def things(make_database: MakeDatabase) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect((await make_database("dispute")).superuser)
    await connection.execute(ROWS)
    yield connection
    await connection.close()


@pytest.mark.parametrize("case", CASES)
async def test_conditions_find_their_rows(things: asyncpg.Connection, case: str) -> None:
    condition, found = CASES[case]
    sql, arguments = worded(select(unique).select_from(THING).where(condition).order_by(unique).limit(10))
    assert [row["id"] for row in await things.fetch(sql, *arguments)] == found


def test_no_value_stands_in_the_text() -> None:
    sql, arguments = worded(select(unique).select_from(THING).where(name.in_(["secret"]), size == 41).limit(17))
    assert "secret" not in sql
    assert "41" not in sql
    assert "17" not in sql
    assert sorted(map(str, arguments)) == ["17", "41", "secret"]


async def test_part_of_a_document_comes_as_text(things: asyncpg.Connection) -> None:
    sql, arguments = worded(select(doc["part"].label("doc")).select_from(THING).where(unique == ONE))
    assert msgspec.json.decode(await things.fetchval(sql, *arguments)) == {"n": 1}


def test_a_parameter_without_a_value_is_refused() -> None:
    with pytest.raises(InvalidRequestError):
        worded(select(unique).select_from(THING).where(bindparam("missing", type_=Text) == name))
