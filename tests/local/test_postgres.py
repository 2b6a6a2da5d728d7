"""The embedded PostgreSQL and the bootstrap of databases and roles."""

import asyncio
import os
import sys
from pathlib import Path

import asyncpg
import psutil
import pytest
from support.databases import Cluster, Database, MakeDatabase, drop_database
from support.eventually import eventually

from redress.eventlog.vault import Vault
from redress.ops.databases import bootstrap
from redress_local.postgres import PostgresServer


async def _value(dsn: str, sql: str) -> object:
    connection = await asyncpg.connect(dsn)
    try:
        return await connection.fetchval(sql)
    finally:
        await connection.close()


async def test_what_was_committed_is_there_after_the_server_was_killed(tmp_path: Path) -> None:
    server = PostgresServer(tmp_path / "data")
    server.start()
    try:
        await _value(server.dsn(), "CREATE TABLE kept AS SELECT 42 AS answer")
        assert await _value(server.dsn(), "SHOW data_checksums") == "on"
        assert await _value(server.dsn(), "SHOW fsync") == "on"
        assert await _value(server.dsn(), "SHOW max_connections") == "200"
        server.kill()
        server.start()
        assert await _value(server.dsn(), "SELECT answer FROM kept") == 42
    finally:
        server.stop()


async def test_a_server_that_outlived_its_supervisor_is_replaced(tmp_path: Path) -> None:
    orphan = PostgresServer(tmp_path / "data")
    orphan.start()
    orphan_pid = orphan.process.pid
    assert orphan_pid is not None
    successor = PostgresServer(tmp_path / "data")
    successor.start()
    try:
        assert orphan.process.exit_code == 0
        assert successor.process.pid != orphan_pid
        assert await _value(successor.dsn(), "SELECT 1") == 1
    finally:
        successor.stop()


async def test_a_pid_file_whose_pid_belongs_to_somebody_else_does_not_stop_the_start(tmp_path: Path) -> None:
    server = PostgresServer(tmp_path / "data")
    server.start()
    server.kill()
    pid_file = tmp_path / "data" / "postmaster.pid"
    lines = pid_file.read_text().splitlines()
    pid_file.write_text("\n".join([str(os.getpid()), *lines[1:]]) + "\n")
    server.start()
    try:
        assert await _value(server.dsn(), "SELECT 1") == 1
    finally:
        server.stop()


async def test_nothing_but_data_is_left_after_a_stop(tmp_path: Path) -> None:
    deep = tmp_path / ("a-folder-whose-path-is-longer-than-a-socket-may-have" * 3) / "data"
    server = PostgresServer(deep)
    server.start()
    postmaster = psutil.Process(server.process.pid)
    family = [postmaster, *postmaster.children(recursive=True)]
    assert await _value(server.dsn(), "SELECT 1") == 1
    assert server.socket_folder.is_dir()
    server.stop()
    assert [one for one in family if one.is_running() and one.status() != psutil.STATUS_ZOMBIE] == []
    assert not server.socket_folder.exists()
    assert not (deep / "postmaster.pid").exists()


async def test_a_port_is_open_only_with_a_password(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="password"):
        PostgresServer(tmp_path / "data", port=5555)


_SLEEPING_CLIENT = """
import asyncio, asyncpg, sys
async def sleep():
    connection = await asyncpg.connect(sys.argv[1])
    await connection.execute("SELECT pg_sleep(300) AS orphaned")
asyncio.run(sleep())
"""


async def test_the_query_of_a_killed_client_ends(tmp_path: Path) -> None:
    server = PostgresServer(tmp_path / "data")
    server.start()
    running = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%AS orphaned' AND pid <> pg_backend_pid()"

    async def queries_are(number: int) -> bool:
        return await _value(server.dsn(), running) == number

    try:
        client = await asyncio.create_subprocess_exec(sys.executable, "-c", _SLEEPING_CLIENT, server.dsn())
        await eventually(lambda: queries_are(1))
        client.kill()
        await client.wait()
        await eventually(lambda: queries_are(0))
    finally:
        server.stop()


async def test_a_role_connects_to_its_own_database_and_the_vault_only(make_database: MakeDatabase) -> None:
    dispute = await make_database("dispute")
    collections = await make_database("collections")
    vault = await make_database("vault")
    assert await _value(dispute.api, "SELECT current_user::text") == "dispute_api"
    assert await _value(vault.as_role("dispute_api"), "SELECT 1") == 1
    assert await _value(vault.as_role("notification_worker"), "SELECT 1") == 1
    for forbidden in (
        collections.as_role("dispute_api"),
        collections.as_role("dispute_owner"),
        dispute.as_role("collections_worker"),
        dispute.as_role("vault_owner"),
        vault.as_role("dispute_owner"),
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await asyncpg.connect(forbidden)


async def test_roles_carry_their_limits_and_databases_their_search_path(make_database: MakeDatabase) -> None:
    database = await make_database("dispute")
    connection = await asyncpg.connect(database.api)
    try:
        settings = {
            name: await connection.fetchval(f"SHOW {name}")
            for name in (
                "search_path",
                "statement_timeout",
                "lock_timeout",
                "transaction_timeout",
                "idle_in_transaction_session_timeout",
            )
        }
    finally:
        await connection.close()
    assert settings == {
        "search_path": "read, es",
        "statement_timeout": "5s",
        "lock_timeout": "2s",
        "transaction_timeout": "10s",
        "idle_in_transaction_session_timeout": "3s",
    }


async def test_what_a_migration_makes_belongs_to_the_owner_group(make_database: MakeDatabase) -> None:
    database = await make_database("dispute")
    await _value(database.owner, "CREATE SCHEMA es")
    owner = await _value(database.superuser, "SELECT nspowner::regrole::text FROM pg_namespace WHERE nspname = 'es'")
    assert owner == "redress_owner"
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await _value(database.api, "CREATE SCHEMA mine")


async def test_a_second_bootstrap_changes_nothing_and_two_at_once_are_one(postgres: Cluster) -> None:
    prefix = f"boot{os.getpid()}_"
    await asyncio.gather(
        *(bootstrap(postgres.superuser_dsn, prefix=prefix, passwords=postgres.passwords) for _ in range(3))
    )
    connection = await asyncpg.connect(postgres.superuser_dsn)
    try:
        rows = await connection.fetch("SELECT datname FROM pg_database WHERE datname LIKE $1 ORDER BY 1", prefix + "%")
        names = [row["datname"].removeprefix(prefix) for row in rows]
        for name in names:
            await drop_database(connection, prefix + name)
    finally:
        await connection.close()
    assert names == ["collections", "dispute", "notification", "vault"]


async def test_a_database_is_copied_with_what_its_preparation_made(make_database: MakeDatabase) -> None:
    async def prepare(template: Database) -> None:
        await _value(template.owner, "CREATE SCHEMA read CREATE TABLE thing (id int)")

    first = await make_database("collections", prepare=prepare)
    await _value(first.owner, "INSERT INTO read.thing VALUES (1)")
    second = await make_database("collections", prepare=prepare)
    assert await _value(second.owner, "SELECT count(*) FROM thing") == 0
    assert await _value(first.owner, "SELECT count(*) FROM thing") == 1


async def test_the_vault_serves_the_roles_of_every_service(make_database: MakeDatabase) -> None:
    vault = await make_database("vault")
    async with (
        Vault.open_at(vault.as_role("dispute_api"), b"k" * 32) as sealing,
        Vault.open_at(vault.as_role("notification_worker"), b"k" * 32) as opening,
    ):
        sealed = await sealing.seal("demo", "customer:C1", "Anna Schmidt")
        assert await opening.open("demo", sealed) == "Anna Schmidt"
