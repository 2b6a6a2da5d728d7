"""Nobody changes the past: not the services' roles, not the owner by accident. And one tenant does not see another."""

from collections.abc import AsyncIterator

import asyncpg
import pytest
from support.databases import Database, MakeDatabase
from support.event_log import a_write, install_event_log

from redress.eventlog.postgres import PostgresEventLog

CHANGES = [
    "UPDATE es.event SET payload = 'x'",
    "DELETE FROM es.event",
    "TRUNCATE es.event",
    "UPDATE es.log SET seq = seq + 1",
    "DELETE FROM es.log",
    "TRUNCATE es.log",
    "DELETE FROM es.stream",
    "TRUNCATE es.stream",
]
INSERTS = [
    "INSERT INTO es.log VALUES (99, 99, 'acme')",
    "INSERT INTO es.stream VALUES (gen_random_uuid(), 'acme', 't', 0, '', now())",
    "INSERT INTO es.pending VALUES (99, 'acme')",
    "UPDATE es.stream SET version = 9",
    "UPDATE es.log_head SET seq = 9",
    "INSERT INTO es.command VALUES ('acme', 'k', '', 201, '')",
]


@pytest.fixture(scope="module")
async def database(make_database: MakeDatabase) -> Database:
    database = await make_database("dispute", prepare=install_event_log)
    async with PostgresEventLog.open(database.api) as log:
        await log.append("acme", [a_write("a", 0, "acme's")])
        await log.append("globex", [a_write("b", 0, "globex's")])
        await log.wait_for(2, 10.0)
    return database


@pytest.fixture(params=["api", "worker"])
async def service(request: pytest.FixtureRequest, database: Database) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(getattr(database, request.param))
    yield connection
    await connection.close()


@pytest.mark.parametrize("statement", CHANGES + INSERTS)
async def test_no_service_role_may_touch_the_log_but_through_append(
    service: asyncpg.Connection, statement: str
) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await service.execute(statement)


@pytest.mark.parametrize("statement", CHANGES)
async def test_the_owner_is_refused_by_the_triggers(database: Database, statement: str) -> None:
    owner = await asyncpg.connect(database.owner)
    try:
        with pytest.raises(asyncpg.PostgresError, match="append-only"):
            await owner.execute(statement)
    finally:
        await owner.close()


async def test_a_reader_that_names_no_tenant_sees_no_row(database: Database) -> None:
    api = await asyncpg.connect(database.api)
    try:
        for table in ("es.event", "es.stream", "es.log", "es.command"):
            assert await api.fetchval(f"SELECT count(*) FROM {table}") == 0
    finally:
        await api.close()


async def test_a_reader_sees_its_tenant_and_only_inside_the_transaction_that_named_it(database: Database) -> None:
    api = await asyncpg.connect(database.api)
    try:
        async with api.transaction():
            await api.execute("SELECT set_config('app.tenant', 'acme', true)")
            assert [row["tenant_id"] for row in await api.fetch("SELECT tenant_id FROM es.event")] == ["acme"]
        assert await api.fetchval("SELECT count(*) FROM es.event") == 0
    finally:
        await api.close()


async def test_every_table_with_a_tenant_forces_row_level_security(database: Database) -> None:
    superuser = await asyncpg.connect(database.superuser)
    try:
        open_tables = await superuser.fetch(
            "SELECT c.oid::regclass::text FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid"
            " WHERE a.attname = 'tenant_id' AND c.relkind = 'r' AND c.relnamespace IN ('es'::regnamespace,"
            " 'read'::regnamespace) AND NOT (c.relrowsecurity AND c.relforcerowsecurity)"
        )
        assert [row[0] for row in open_tables] == []
    finally:
        await superuser.close()


async def test_every_function_that_runs_as_its_owner_fixes_its_search_path(database: Database) -> None:
    superuser = await asyncpg.connect(database.superuser)
    try:
        loose = await superuser.fetch(
            "SELECT proname FROM pg_proc WHERE prosecdef AND pronamespace = 'es'::regnamespace"
            " AND NOT coalesce(proconfig, '{}') @> ARRAY['search_path=es, pg_temp']"
        )
        assert [row[0] for row in loose] == []
    finally:
        await superuser.close()
