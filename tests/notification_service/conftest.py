"""The notification service's real parts: its database migrated, the vault, the log, and a scripted mail server."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import asyncpg
import httpx2 as httpx
import pytest
import pytest_asyncio
from fastapi import FastAPI
from prometheus_client import CollectorRegistry
from support.databases import Database, MakeDatabase
from support.issuer import Issuer
from support.notification_examples import NOON, RULES, WORDING
from support.smtp_server import ScriptedServer, scripted_server

from notification_service.app import create_app
from notification_service.dispute_notices.dispute_state import DisputeStates, is_moot
from notification_service.dispute_notices.source import DISPUTE_EVENTS
from notification_service.inbox.reactor import NoticesReactor
from notification_service.inbox.received_events import ReceivedEvents
from notification_service.notices.notice import DISPUTE
from notification_service.notices.plan import Rules
from notification_service.notifications.policy import SendingPolicy
from notification_service.notifications.published import NotificationPublication
from notification_service.parts import Parts
from notification_service.sending.attempt import RENEW_S, Attempts
from notification_service.sending.loop import SendingLoop
from notification_service.sending.mail import Sender
from notification_service.sending.metrics import SendingMetrics
from notification_service.sending.smtp import Deadlines, Server, Smtp
from notification_service.wording.compose import Wording
from redress.contracts.envelope import Published
from redress.eventlog import vault as vaults
from redress.eventlog.log import EventLog
from redress.eventlog.migrations import upgrade
from redress.eventlog.postgres import PostgresEventLog
from redress.eventlog.vault import Vault
from redress.messaging.feed import Feed
from redress.web.health import Health
from redress.web.pages import Cursors

MIGRATIONS = Path(__file__).parents[2] / "services/notification-service/src/notification_service/migrations"
MASTER_KEY = bytes(range(32))


class StillClock:
    """A clock that stands until it is moved."""

    def __init__(self, at: datetime) -> None:
        self.at = at

    def now(self) -> datetime:
        return self.at


@dataclass
class House:
    """The service without its processes: what the worker runs, to be run step by step."""

    database: Database
    vault: Vault
    log: PostgresEventLog
    clock: StillClock
    mails: ScriptedServer

    async def hear(self, *events: Published) -> None:
        """Take events in as the consumers do, all of them in one transaction."""
        consumers = (
            NoticesReactor(DISPUTE_EVENTS, RULES, self.log, self.vault),
            DisputeStates(),
            ReceivedEvents(DISPUTE_EVENTS),
        )
        async with self.log.pool.acquire() as connection, connection.transaction():
            for consumer in consumers:
                await consumer.apply(connection, events)
        self.log.poke()

    def sender(
        self,
        policy: SendingPolicy | None = None,
        *,
        log: EventLog | None = None,
        renew_s: float = RENEW_S,
        patience_s: float = 0.5,
        wording: Wording = WORDING,
    ) -> SendingLoop:
        metrics = SendingMetrics(CollectorRegistry())
        attempts = Attempts(
            log or self.log,
            self.log.pool,
            self.vault,
            Smtp(
                Server(host="127.0.0.1", port=self.mails.port),
                local_name="muster.example",
                deadlines=Deadlines(connect_s=2.0, command_s=patience_s, answer_s=patience_s),
            ),
            wording=wording,
            worth={DISPUTE: is_moot},
            sender=Sender("Muster GmbH", "ar@muster.example"),
            clock=self.clock,
            metrics=metrics,
            policy=policy,
            renew_s=renew_s,
        )
        return SendingLoop(self.log.pool, attempts, self.clock, metrics)

    async def rows(self, tenant: str = "demo") -> list[tuple[str, str, str | None]]:
        """(recipient, status, reason) of every notification, by template."""
        async with self.log.pool.acquire() as connection:
            rows = await connection.fetch(
                "SELECT recipient, status, doc->>'reason' AS reason FROM notification_current WHERE tenant_id = $1"
                " ORDER BY doc->>'template', recipient",
                tenant,
            )
        return [(row["recipient"], row["status"], row["reason"]) for row in rows]

    async def names(self, tenant: str = "demo") -> list[str]:
        """The stored event types of all notifications, in log order."""
        async with self.log.pool.acquire() as connection:
            rows = await connection.fetch(
                "SELECT type FROM es.event WHERE tenant_id = $1 AND stream_type = 'notification' ORDER BY id", tenant
            )
        return [row["type"] for row in rows]


async def migrate(database: Database) -> None:
    await upgrade(database.owner, MIGRATIONS)


async def install_vault(database: Database) -> None:
    await vaults.install(database.owner)


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


@dataclass
class Api:
    """The API as callers of different roles see it."""

    app: FastAPI
    issuer: Issuer
    http: httpx.AsyncClient

    async def get(self, path: str, role: str = "analyst", tenant: str = "demo", **headers: str) -> httpx.Response:
        return await self.http.get(path, headers={**self.issuer.bearer(role, tenant=tenant), **headers})

    async def put(self, path: str, body: object, role: str = "admin", **headers: str) -> httpx.Response:
        return await self.http.put(path, json=body, headers={**self.issuer.bearer(role), **headers})


@pytest_asyncio.fixture(scope="session")
async def issuer() -> AsyncIterator[Issuer]:
    async with Issuer().serving() as issuer:
        yield issuer


@pytest.fixture
def rules() -> Rules:
    """Of the API; a test of other rules says so."""
    return RULES


@pytest.fixture
async def api(house, issuer: Issuer, rules: Rules) -> AsyncIterator[Api]:
    async with (
        PostgresEventLog.open(house.database.api) as log,
        httpx.AsyncClient(trust_env=False) as outside,
    ):
        app = create_app(
            Parts(
                rules=rules,
                log=log,
                pool=log.pool,
                vault=house.vault,
                feed=Feed(log, NotificationPublication(log)),
                cursors=Cursors(b"0123456789abcdef"),
                auth=issuer.authenticator(outside),
                health=Health(ready={"database": log.head}),
                clock=house.clock,
            )
        )
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://notification") as http:
            yield Api(app, issuer, http)
