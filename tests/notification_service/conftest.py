"""The notification service's real parts: its database migrated, the vault, the log, and a scripted mail server."""

from collections.abc import AsyncIterator

import asyncpg
import pytest
from support.databases import Database, MakeDatabase
from support.notification_examples import NOON
from support.notification_house import MASTER_KEY, House, StillClock, install_vault, migrate
from support.smtp_server import scripted_server

from redress.eventlog.postgres import PostgresEventLog
from redress.eventlog.vault import Vault


@pytest.fixture
async def database(make_database: MakeDatabase) -> Database:
    return await make_database("notification", prepare=migrate)


@pytest.fixture
async def vault(make_database: MakeDatabase) -> AsyncIterator[Vault]:
    keys = await make_database("vault", prepare=install_vault)
    async with Vault.open_at(keys.as_role("notification_worker"), MASTER_KEY) as opened:
        yield opened


@pytest.fixture
async def house(database: Database, vault: Vault) -> AsyncIterator[House]:
    async with (
        PostgresEventLog.open(database.worker, readers=8) as log,
        scripted_server() as mails,
    ):
        yield House(database, vault, log, StillClock(NOON), mails)


@pytest.fixture
async def owner_connection(database: Database) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(database.owner)
    yield connection
    await connection.close()
