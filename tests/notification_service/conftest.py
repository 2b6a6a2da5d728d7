"""The notification service's real parts: its database migrated, the vault, the log, and a scripted mail server."""

from collections.abc import AsyncIterator, Sequence

import asyncpg
import httpx2 as httpx
import pytest
import pytest_asyncio
from support.databases import Database, MakeDatabase
from support.issuer import Issuer
from support.notification_examples import NOON
from support.notification_house import MASTER_KEY, Api, House, StillClock, install_vault, migrate
from support.smtp_server import scripted_server

from notification_service.dispute_notices.kit import DISPUTE_NOTICES
from notification_service.inbox.kit import NoticeKit
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
def kits() -> Sequence[NoticeKit]:
    """The notices that the service sends; a test of others says so."""
    return (DISPUTE_NOTICES,)


@pytest.fixture
async def house(database: Database, vault: Vault, kits: Sequence[NoticeKit]) -> AsyncIterator[House]:
    async with (
        PostgresEventLog.open(database.worker, readers=8) as log,
        scripted_server() as mails,
    ):
        yield House(database, vault, log, StillClock(NOON), mails, kits)


@pytest.fixture
async def owner_connection(database: Database) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(database.owner)
    yield connection
    await connection.close()


@pytest_asyncio.fixture(scope="session")
async def issuer() -> AsyncIterator[Issuer]:
    async with Issuer().serving() as issuer:
        yield issuer


@pytest.fixture
async def api(house: House, issuer: Issuer) -> AsyncIterator[Api]:
    async with (
        PostgresEventLog.open(house.database.api) as log,
        httpx.AsyncClient(trust_env=False) as outside,
    ):
        app = house.api(log, issuer, outside)
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://notification") as http:
            yield Api(app, issuer, http)
