"""Tampering is found and its first position named. The tamperer is a superuser who switches the triggers off."""

from collections.abc import AsyncIterator

import asyncpg
import pytest
from support.databases import Database, MakeDatabase
from support.event_log import a_write, install_event_log, stream_id

from redress.eventlog.postgres import PostgresEventLog
from redress.eventlog.verify import verify


@pytest.fixture
async def database(make_database: MakeDatabase) -> Database:
    """Ten events: seq 1..4 are stream a, 5..7 stream b, 8..10 stream c."""
    database = await make_database("dispute", prepare=install_event_log)
    async with PostgresEventLog.open(database.api) as log:
        for stream, count, head in (("a", 4, 4), ("b", 3, 7), ("c", 3, 10)):
            await log.append("acme", [a_write(stream, 0, *(f"{stream}{i}" for i in range(count)))])
            await log.wait_for(head, 10.0)
    return database


@pytest.fixture
async def superuser(database: Database) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(database.superuser)
    await connection.execute("SET session_replication_role = replica")
    yield connection
    await connection.close()


async def test_an_untouched_log_verifies_and_says_how_much_was_read(superuser: asyncpg.Connection) -> None:
    seen: list[tuple[int, int]] = []
    result = await verify(superuser, lambda done, total: seen.append((done, total)))
    assert (result.events, result.streams, result.first_bad, result.findings) == (10, 3, None, 0)
    assert seen[-1] == (10, 10)


@pytest.mark.parametrize(
    ("change", "stream", "version", "seq"),
    [
        ("payload = set_byte(payload, 3, 0)", "b", 2, 6),
        ("meta = meta || ' '", "a", 4, 4),
        ("effective_at = effective_at - interval '1 day'", "c", 1, 8),
        ("recorded_at = recorded_at - interval '1 day'", "c", 3, 10),
        ("tenant_id = 'globex'", "b", 1, 5),
        ("type = 'note-removed'", "a", 2, 2),
        ("event_id = gen_random_uuid()", "c", 2, 9),
    ],
)
async def test_a_changed_event_is_named(
    superuser: asyncpg.Connection, change: str, stream: str, version: int, seq: int
) -> None:
    await superuser.execute(
        f"UPDATE es.event SET {change} WHERE stream_id = $1 AND version = $2", stream_id(stream), version
    )
    found = (await verify(superuser)).first_bad
    assert found is not None
    assert (found.stream_id, found.version, found.seq) == (stream_id(stream), version, seq)


async def test_a_deleted_event_is_named_by_the_place_it_had(superuser: asyncpg.Connection) -> None:
    await superuser.execute("DELETE FROM es.event WHERE version = 2 AND stream_id = $1", stream_id("b"))
    result = await verify(superuser)
    assert result.first_bad is not None
    assert (result.first_bad.what, result.first_bad.seq) == ("the log names an event that is gone", 6)
    assert result.findings == 2


async def test_a_tail_that_was_cut_off_is_named(superuser: asyncpg.Connection) -> None:
    await superuser.execute(
        "DELETE FROM es.log WHERE seq > 9; DELETE FROM es.event WHERE id NOT IN (SELECT id FROM es.log)"
    )
    await superuser.execute("UPDATE es.log_head SET seq = 9")
    found = (await verify(superuser)).first_bad
    assert found is not None
    assert (found.stream_id, found.version) == (stream_id("c"), 3)
    assert found.what == "the stream ends at version 2 but its head says 3"


async def test_two_events_that_changed_places_in_the_log_are_named(superuser: asyncpg.Connection) -> None:
    await superuser.execute("DELETE FROM es.log WHERE seq IN (2, 3)")
    ids = await superuser.fetch("SELECT id FROM es.event WHERE stream_id = $1 ORDER BY version", stream_id("a"))
    await superuser.execute("INSERT INTO es.log VALUES (2, $1, 'acme'), (3, $2, 'acme')", ids[2][0], ids[1][0])
    found = (await verify(superuser)).first_bad
    assert found is not None
    assert (found.what, found.seq) == ("the log has this event before its predecessor", 3)


async def test_a_hole_in_the_log_is_named(superuser: asyncpg.Connection) -> None:
    await superuser.execute("DELETE FROM es.log WHERE seq = 6")
    found = (await verify(superuser)).first_bad
    assert found is not None
    assert (found.what, found.seq) == ("the log has a hole before 7", 7)


async def test_the_first_of_several_bad_positions_is_the_one_named(superuser: asyncpg.Connection) -> None:
    await superuser.execute("UPDATE es.event SET payload = 'x' WHERE version = 2")
    result = await verify(superuser)
    assert result.first_bad is not None
    assert result.first_bad.seq == 2
    assert result.findings == 3
