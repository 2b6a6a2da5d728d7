"""A table keeps the current-state documents of a stream type; one line makes a column of lists out of them."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, date, datetime

import asyncpg
import msgspec
import pytest
import pytest_asyncio
from support.databases import MakeDatabase
from support.event_log import a_write, install_event_log

from redress.eventlog.postgres import PostgresEventLog

TABLES = """
CREATE TABLE read.note_current (tenant_id text NOT NULL, stream_id uuid PRIMARY KEY, version bigint, doc jsonb);
CREATE TABLE read.note_history (
  tenant_id text NOT NULL, stream_id uuid, version bigint, known_from timestamptz, known_until timestamptz, doc jsonb,
  PRIMARY KEY (stream_id, version)
);
SELECT es.protect('read.note_current', false), es.protect('read.note_history');
SELECT es.keeps_document('note', 'read.note_current');
SELECT es.list_column('note', 'title', 'text', $$doc #>> '{title}'$$, p_required => true);
SELECT es.keeps_versions('note', 'read.note_history');
"""
COLUMNS = """
SELECT es.list_column('note', 'at', 'timestamptz', $$es.instant(doc #>> '{at}')$$),
       es.list_column('note', 'on', 'date', $$es.day(doc #>> '{on}')$$),
       es.list_column('note', 'words', 'text[]', $$es.texts(doc #> '{words}')$$),
       es.list_column('note', 'size', 'bigint', $$(doc #>> '{row,size}')::bigint$$);
"""
VALUES = 'title, "at", "on", words, size'
DOC = {"title": "first", "at": "2026-03-29T01:30:00+02:00", "on": "2026-03-30", "words": ["a", "b"], "row": {"size": 7}}
FIRST = ("first", datetime(2026, 3, 28, 23, 30, tzinfo=UTC), date(2026, 3, 30), ["a", "b"], 7)


@dataclass
class Notes:
    log: PostgresEventLog
    owner: asyncpg.Connection

    async def write(self, stream: str, expected: int, document: object | None) -> None:
        current = None if document is None else msgspec.json.encode(document)
        await self.log.append("acme", [a_write(stream, expected, "a note", current=current)])

    async def rows(self, columns: str) -> list[tuple[object, ...]]:
        return [tuple(row) for row in await self.owner.fetch(f"SELECT {columns} FROM read.note_current")]


@pytest_asyncio.fixture
async def notes(make_database: MakeDatabase) -> AsyncIterator[Notes]:
    database = await make_database("dispute", prepare=install_event_log)
    owner = await asyncpg.connect(database.owner)
    try:
        await owner.execute("SET ROLE redress_owner")
        await owner.execute(TABLES)
        async with PostgresEventLog.open(database.api) as log:
            yield Notes(log, owner)
    finally:
        await owner.close()


async def test_the_newest_document_stands_beside_its_columns(notes: Notes) -> None:
    await notes.owner.execute(COLUMNS)
    await notes.write("a", 0, DOC | {"title": "older"})
    await notes.write("a", 1, DOC)
    assert await notes.rows(f"tenant_id, version, {VALUES}") == [("acme", 2, *FIRST)]
    assert [msgspec.json.decode(str(doc)) for (doc,) in await notes.rows("doc::text")] == [DOC]


async def test_a_stream_without_a_document_has_no_row(notes: Notes) -> None:
    await notes.write("a", 0, None)
    assert await notes.rows("*") == []
    await notes.write("a", 1, DOC)
    assert await notes.rows("version, title") == [(2, "first")]


async def test_rows_that_are_there_get_a_new_column_too_in_both_tables(notes: Notes) -> None:
    await notes.write("a", 0, DOC)
    await notes.owner.execute(
        "INSERT INTO read.note_history SELECT tenant_id, stream_id, version, now(), NULL, doc FROM read.note_current"
    )
    await notes.owner.execute(COLUMNS)
    assert await notes.rows(VALUES) == [FIRST]
    assert [tuple(row) for row in await notes.owner.fetch(f"SELECT {VALUES} FROM read.note_history")] == [FIRST]


async def test_values_do_not_depend_on_the_settings_of_a_session(notes: Notes) -> None:
    await notes.owner.execute("SET timezone = 'America/New_York'; SET datestyle = 'SQL, DMY'")
    await notes.write("a", 0, DOC)
    await notes.owner.execute(COLUMNS)
    assert await notes.rows(VALUES) == [FIRST]


async def test_documents_of_other_stream_types_are_kept_elsewhere_or_not_at_all(notes: Notes) -> None:
    await notes.owner.execute(
        "CREATE TABLE read.task_current (tenant_id text, stream_id uuid PRIMARY KEY, version bigint, doc jsonb);"
        " SELECT es.keeps_document('task', 'read.task_current')"
    )
    task = msgspec.structs.replace(a_write("t", 0, "x", current=b'{"done":true}'), stream_type="task")
    other = msgspec.structs.replace(a_write("o", 0, "x", current=b'{"done":true}'), stream_type="other")
    await notes.log.append("acme", [task, other])
    await notes.write("a", 0, DOC)
    assert await notes.rows("title") == [("first",)]
    assert await notes.owner.fetchval("SELECT array_agg(doc::text) FROM read.task_current") == ['{"done": true}']


async def test_a_document_without_a_required_value_is_refused_with_its_events(notes: Notes) -> None:
    with pytest.raises(asyncpg.NotNullViolationError):
        await notes.owner.execute(
            "SELECT es.list_column('note', 'size', 'bigint', $$(doc #>> '{size}')::bigint$$, p_required => true);"
            " INSERT INTO read.note_history (tenant_id, stream_id, version, doc)"
            " VALUES ('acme', gen_random_uuid(), 1, '{\"title\": \"x\"}')"
        )
    with pytest.raises(asyncpg.NotNullViolationError):
        await notes.write("a", 0, {"no": "title"})
    assert await notes.owner.fetchval("SELECT count(*) FROM es.event") == 0
