"""What time it is, is asked in one place, and a test may answer it."""

import re
from collections.abc import AsyncIterator
from datetime import timedelta

import asyncpg
import pytest
from support.databases import Database, MakeDatabase
from support.event_log import a_command, a_write, install_event_log, stream_id

from redress.eventlog.postgres import PostgresEventLog


@pytest.fixture
async def database(make_database: MakeDatabase) -> Database:
    return await make_database("dispute", prepare=install_event_log)


@pytest.fixture
async def owner(database: Database) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(database.owner)
    yield connection
    await connection.close()


async def set_clock(owner: asyncpg.Connection, by: timedelta) -> None:
    moved = f"SELECT clock_timestamp() + interval '{by.total_seconds()} s'"
    await owner.execute(
        f"CREATE OR REPLACE FUNCTION es.now() RETURNS timestamptz LANGUAGE sql VOLATILE PARALLEL SAFE AS $${moved}$$"
    )


async def test_the_clock_that_is_set_is_the_one_that_events_and_answers_are_recorded_by(
    database: Database, owner: asyncpg.Connection
) -> None:
    async with PostgresEventLog.open(database.api) as log:
        await log.append("acme", [a_write("s", 0, "today")], a_command("a"))
        await set_clock(owner, timedelta(days=30))
        await log.append("acme", [a_write("s", 1, "in a month")], a_command("b"))
        today, in_a_month = await log.read_stream("acme", stream_id("s"))
    assert in_a_month.recorded_at - today.recorded_at > timedelta(days=29)
    answered = await owner.fetch("SELECT created_at FROM es.command ORDER BY key")
    assert answered[1]["created_at"] - answered[0]["created_at"] > timedelta(days=29)


async def test_recorded_times_never_fall_inside_a_stream_when_the_clock_is_set_back(
    database: Database, owner: asyncpg.Connection
) -> None:
    async with PostgresEventLog.open(database.api) as log:
        await log.append("acme", [a_write("s", 0, "first", "second")])
        await set_clock(owner, timedelta(days=-1))
        await log.append("acme", [a_write("s", 2, "third", "fourth"), a_write("new", 0, "yesterday")])
        times = [event.recorded_at for event in await log.read_stream("acme", stream_id("s"))]
        (yesterday,) = await log.read_stream("acme", stream_id("new"))
    assert sorted(set(times)) == times
    assert times[3] - times[1] < timedelta(seconds=1)
    assert times[0] - yesterday.recorded_at > timedelta(hours=23)


async def test_asking_costs_nothing_because_the_question_is_inlined(owner: asyncpg.Connection) -> None:
    (output,) = [row[0] for row in await owner.fetch("EXPLAIN (VERBOSE) SELECT es.now()") if "Output" in row[0]]
    assert output.strip() == "Output: clock_timestamp()"


async def test_no_other_function_of_the_log_asks_for_the_time(owner: asyncpg.Connection) -> None:
    rows = await owner.fetch(
        "SELECT proname, prosrc FROM pg_proc WHERE pronamespace = 'es'::regnamespace AND proname <> 'now'"
        " UNION ALL SELECT conrelid.relname || '.' || a.attname, pg_get_expr(d.adbin, d.adrelid)"
        " FROM pg_attrdef d JOIN pg_class conrelid ON conrelid.oid = d.adrelid"
        " JOIN pg_attribute a ON a.attrelid = d.adrelid AND a.attnum = d.adnum"
        " WHERE conrelid.relnamespace = 'es'::regnamespace"
    )
    asks = re.compile(r"(?<!es\.)\bnow\(\)|clock_timestamp|current_timestamp|statement_timestamp", re.IGNORECASE)
    assert [name for name, source in rows if asks.search(source)] == []
