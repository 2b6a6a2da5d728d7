"""A worded statement is text with numbered places, and the values that stand there."""

from sqlalchemy import BigInteger, Column, DateTime, MetaData, Table, Text, literal, select, tuple_
from sqlalchemy.dialects.postgresql import ARRAY

from redress.reading.statements import worded

ROWS = Table(
    "rows",
    MetaData(schema="read"),
    Column("tenant_id", Text),
    Column("id", BigInteger),
    Column("names", ARRAY(Text)),
    Column("at", DateTime(timezone=True)),
)


def test_every_value_is_bound_and_none_is_written() -> None:
    statement, arguments = worded(
        select(ROWS.c.id)
        .where(ROWS.c.tenant_id == "acme", ROWS.c.names.contains(["it's"]))
        .where(ROWS.c.tenant_id.contains("50%", autoescape=True))
        .limit(3)
    )
    assert arguments == ["acme", ["it's"], "50/%", 3]
    assert all(f"${place}" in statement for place in range(1, 5))
    assert "acme" not in statement
    assert "$5" not in statement


def test_each_of_several_alternatives_has_its_place() -> None:
    statement, arguments = worded(select(ROWS.c.id).where(ROWS.c.tenant_id.in_(["a", "b"]), ROWS.c.id == 7))
    place = {value: f"${arguments.index(value) + 1}::" for value in ("a", "b", 7)}
    alternatives = statement.partition(" IN (")[2].partition(")")[0]
    assert [part.strip().partition("::")[0] + "::" for part in alternatives.split(",")] == [place["a"], place["b"]]
    assert f"id = {place[7]}" in statement


def test_the_row_before_a_page_is_compared_as_a_whole() -> None:
    here = tuple_(ROWS.c.at, ROWS.c.id)
    _, arguments = worded(select(ROWS.c.id).where(here > tuple_(literal(1, BigInteger), literal(2, BigInteger))))
    assert arguments == [1, 2]
