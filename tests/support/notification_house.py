"""The notification service without its processes, and its API as callers see it."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import httpx2 as httpx
from fastapi import FastAPI
from prometheus_client import CollectorRegistry
from support.databases import Database
from support.issuer import AUDIENCE, Issuer
from support.notification_examples import NOON
from support.published_disputes import contact, dispute, published
from support.smtp_server import ScriptedServer

from notification_service.inbox.kit import NoticeKit
from notification_service.notifications.policy import SendingPolicy
from notification_service.sending.attempt import RENEW_S, Attempts
from notification_service.sending.loop import SendingLoop
from notification_service.sending.mail import Sender
from notification_service.sending.metrics import SendingMetrics
from notification_service.sending.sender import wording_of
from notification_service.sending.smtp import Deadlines, Server, Smtp
from notification_service.service import NAME, SERVICE, service_of
from notification_service.settings import NotificationSettings
from redress.contracts.dispute_events import DisputeOpened
from redress.contracts.envelope import PublishedEvent
from redress.eventlog import vault as vaults
from redress.eventlog.log import EventLog
from redress.eventlog.migrations import upgrade
from redress.eventlog.postgres import PostgresEventLog
from redress.eventlog.vault import Vault
from redress.handling.command_runner import CommandRunner
from redress.ids import new_uuid
from redress.messaging.feed import Feed
from redress.projections.metrics import ConsumerMetrics
from redress.reading.tenant_reads import TenantReads
from redress.service.composition import create_app, publication
from redress.service.feature import ApiParts, Service, WorkerParts
from redress.web.health import Health
from redress.web.pages import Cursors

MASTER_KEY = bytes(range(32))
CURSOR_KEY = "0123456789abcdef"


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

    kits: Sequence[NoticeKit]

    @property
    def service(self) -> Service[NotificationSettings]:
        return service_of(self.kits)

    async def hear(self, *events: PublishedEvent) -> None:
        """Take events in as the consumers do, all of them in one transaction."""
        parts = self._worker()
        async with self.log.pool.acquire() as connection, connection.transaction():
            for feature in self.service.features:
                for following in feature.follows:
                    await following.handler(parts).apply(connection, events)
        self.log.poke()

    def _worker(self) -> WorkerParts[NotificationSettings]:
        registry = CollectorRegistry()
        return WorkerParts(
            settings=settings("http://issuer.invalid", "http://issuer.invalid/jwks"),
            log=self.log,
            pool=self.log.pool,
            vault=self.vault,
            http=httpx.AsyncClient(trust_env=False),
            broker=None,
            registry=registry,
            metrics=ConsumerMetrics(registry),
            clock=self.clock,
        )

    def api(self, log: PostgresEventLog, issuer: Issuer, http: httpx.AsyncClient) -> FastAPI:
        """The app on a log that was opened with the API's role."""
        return create_app(
            self.service,
            ApiParts(
                settings=settings(issuer.iss, issuer.jwks_url),
                log=log,
                pool=log.pool,
                reads=TenantReads(log.pool),
                vault=self.vault,
                runner=CommandRunner(log),
                cursors=Cursors(CURSOR_KEY.encode()),
                feed=Feed(log, publication(self.service, log)),
                auth=issuer.authenticator(http),
                health=Health(ready={"database": log.head}),
                clock=self.clock,
            ),
        )

    def sender(
        self,
        policy: SendingPolicy | None = None,
        *,
        log: EventLog | None = None,
        renew_s: float = RENEW_S,
        patience_s: float = 0.5,
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
            service=NAME,
            wording=wording_of(self.kits),
            worth={name: check for kit in self.kits for name, check in kit.worth.items()},
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
    await upgrade(database.owner, SERVICE.migrations)


async def install_vault(database: Database) -> None:
    await vaults.install(database.owner)


def settings(issuer: str, jwks_url: str) -> NotificationSettings:
    return NotificationSettings(
        port=1,
        vault_key=base64.b64encode(MASTER_KEY).decode(),
        cursor_key=CURSOR_KEY,
        issuer=issuer,
        jwks_url=jwks_url,
        audience=AUDIENCE,
        transport="feed",
    )


async def opened(house: House, number: int = 1, tenant: str = "demo") -> PublishedEvent:
    """The event of a dispute whose contact is written to; each number is another dispute, the later the higher."""
    maria = await contact(house.vault, "Maria Weber", "maria@kunde.example", "de", tenant)
    event = published(
        DisputeOpened(dispute=dispute(number, contact=maria)), tenant=tenant, at=NOON - timedelta(seconds=60 - number)
    )
    await house.hear(event)
    return event


@dataclass
class Api:
    """The API as callers of different roles see it."""

    app: FastAPI
    issuer: Issuer
    http: httpx.AsyncClient

    async def get(self, path: str, role: str = "analyst", tenant: str = "demo", **headers: str) -> httpx.Response:
        return await self.http.get(path, headers={**self.issuer.bearer(role, tenant=tenant), **headers})

    async def put(self, path: str, body: object, role: str = "admin", **headers: str) -> httpx.Response:
        """With a key of its own, unless one is given."""
        given = {"Idempotency-Key": str(new_uuid()), **self.issuer.bearer(role), **headers}
        return await self.http.put(path, json=body, headers=given)
