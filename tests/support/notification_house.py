"""The notification service without its processes, and its API as callers see it."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import httpx2 as httpx
from fastapi import FastAPI
from prometheus_client import CollectorRegistry
from support.databases import Database
from support.issuer import Issuer
from support.smtp_server import ScriptedServer

from notification_service.inbox.notices import Notices
from notification_service.notifications.policy import SendingPolicy
from notification_service.projections.dispute_state import DisputeStates
from notification_service.projections.heard_events import HeardEvents
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
        consumers = (Notices(self.log, self.vault), DisputeStates(), HeardEvents())
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
            wording=Wording(),
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
