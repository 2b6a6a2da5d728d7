"""notification-service on the common running service, with a scripted mail server and its API as callers see it."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

import httpx2 as httpx
from fastapi import FastAPI
from prometheus_client import CollectorRegistry
from support.clock import SetClock
from support.databases import Database, MakeDatabase
from support.issuer import Issuer
from support.notification_examples import NOON
from support.policies import citations
from support.published_disputes import contact, dispute, published
from support.running_service import RunningService, running_service
from support.smtp_server import ScriptedServer, scripted_server

from notification_service.inbox.kit import NoticeKit
from notification_service.sending.attempt import RENEW_S, Attempts
from notification_service.sending.loop import SendingLoop
from notification_service.sending.mail import Sender
from notification_service.sending.metrics import SendingMetrics
from notification_service.sending.sender import wording_of
from notification_service.sending.smtp import Deadlines, Server, Smtp
from notification_service.service import NAME, service_of
from redress.contracts.dispute_events import DisputeOpened
from redress.contracts.envelope import PublishedEvent
from redress.eventlog.log import EventLog
from redress.eventlog.postgres import PostgresEventLog
from redress.eventlog.vault import Vault
from redress.ids import new_uuid
from redress.policy.book import PolicyBook


@dataclass
class House:
    """The service without its processes, beside a mail server: what the worker does, to be done step by step."""

    running: RunningService
    mails: ScriptedServer
    kits: Sequence[NoticeKit]

    @property
    def database(self) -> Database:
        return self.running.database

    @property
    def log(self) -> PostgresEventLog:
        return self.running.log

    @property
    def vault(self) -> Vault:
        return self.running.vault

    @property
    def clock(self) -> SetClock:
        return self.running.clock

    async def hear(self, *events: PublishedEvent) -> None:
        """Take events in as the consumers do, all of them in one transaction."""
        await self.running.take(*events)

    def sender(
        self,
        *,
        log: EventLog | None = None,
        renew_s: float = RENEW_S,
        patience_s: float = 0.5,
    ) -> SendingLoop:
        metrics = SendingMetrics(CollectorRegistry())
        attempts = Attempts(
            log or self.log,
            self.running.worker.pool,
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
            policies=PolicyBook(self.log),
            renew_s=renew_s,
        )
        return SendingLoop(self.running.worker.pool, attempts, self.clock, metrics)

    async def rows(self, tenant: str = "demo") -> list[tuple[str, str, str | None]]:
        """(recipient, status, reason) of every notification, by template."""
        async with self.running.worker.pool.acquire() as connection:
            rows = await connection.fetch(
                "SELECT recipient, status, doc->>'reason' AS reason FROM notification_current WHERE tenant_id = $1"
                " ORDER BY doc->>'template', recipient",
                tenant,
            )
        return [(row["recipient"], row["status"], row["reason"]) for row in rows]

    async def citations(self, *types: str) -> dict[str, tuple[str, ...]]:
        """The policies that the stored events of these types name."""
        await self.running.sequenced()
        return await citations(self.log, *types)

    async def names(self, tenant: str = "demo") -> list[str]:
        """The stored event types of all notifications, in log order."""
        async with self.running.worker.pool.acquire() as connection:
            rows = await connection.fetch(
                "SELECT type FROM es.event WHERE tenant_id = $1 AND stream_type = 'notification' ORDER BY id", tenant
            )
        return [row["type"] for row in rows]


@asynccontextmanager
async def running_house(make_database: MakeDatabase, kits: Sequence[NoticeKit]) -> AsyncIterator[House]:
    """The service with the notices of these kits, at noon."""
    async with running_service(service_of(kits), make_database, NOON) as running, scripted_server() as mails:
        yield House(running, mails, kits)


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
