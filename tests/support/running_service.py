"""A service as its processes build it, on real PostgreSQL: its app behind real HTTP semantics, and what its worker does
step by step, when a test says so."""

import base64
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import asyncpg
import httpx2 as httpx
from fastapi import FastAPI
from prometheus_client import CollectorRegistry
from support.clock import SetClock
from support.databases import Database, MakeDatabase, Prepare
from support.eventually import eventually
from support.issuer import AUDIENCE, Issuer

from redress.contracts.envelope import PublishedEvent
from redress.eventlog.migrations import upgrade
from redress.eventlog.postgres import PostgresEventLog
from redress.eventlog.vault import Vault, install
from redress.handling.command_runner import CommandRunner
from redress.handling.state_cache import StateCache
from redress.messaging.feed import Feed
from redress.messaging.log_source import LogSource
from redress.policy.book import PolicyBook
from redress.projections.metrics import ConsumerMetrics
from redress.projections.runner import Runner
from redress.reading.tenant_reads import TenantReads
from redress.service.composition import create_app, own_projections, publication
from redress.service.feature import ApiParts, Service, WorkerParts
from redress.timers.poller import TimerPoller
from redress.timers.reaction import firing
from redress.web.health import Health
from redress.web.pages import Cursors

VAULT_KEY = base64.b64decode("MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=")
CURSOR_KEY = "0123456789abcdef"


@dataclass
class RunningService:
    """The service and what a test may look behind it with."""

    service: Service[Any]
    app: FastAPI
    client: httpx.AsyncClient
    issuer: Issuer
    clock: SetClock
    database: Database
    parts: ApiParts[Any]
    worker: WorkerParts[Any]

    @property
    def log(self) -> PostgresEventLog:
        return self.worker.log

    @property
    def vault(self) -> Vault:
        return self.parts.vault

    async def take(self, *events: PublishedEvent) -> None:
        """Every follower of other services takes these, all in one transaction."""
        async with self.worker.pool.acquire() as connection, connection.transaction():
            for feature in self.service.features:
                for following in feature.follows:
                    await following.handler(self.worker).apply(connection, events)
        self.log.poke()

    async def catch_up(self) -> None:
        """Everything that was appended has its place in the log, and what follows the log has seen it."""
        await self.sequenced()
        for projection in own_projections(self.service):
            runner = Runner(self.worker.pool, projection, LogSource(self.log))
            await runner.open()
            await runner.catch_up()
            await runner.close()

    async def fire_timers(self) -> int:
        """Fire what is due by the database's clock. How many were fired."""
        handlers = {
            kind: firing(self.service.name, kind, self.log, react)
            for feature in self.service.features
            for kind, react in feature.timers.items()
        }
        return await TimerPoller(self.worker.pool, handlers).fire_due()

    async def sequenced(self) -> None:
        """Everything that was appended has its place in the log, whoever gives it."""
        await eventually(self._nothing_waits)

    async def _nothing_waits(self) -> bool:
        await self.log.sequence()
        return not await self.worker.pool.fetchval("SELECT EXISTS (SELECT FROM es.pending)")


@cache  # reading them takes some fifty milliseconds
def _authorities() -> ssl.SSLContext:
    return ssl.create_default_context()


@cache  # the same function each time: its databases are copied from one template
def _migrated(migrations: Path) -> Prepare:
    async def migrate(database: Database) -> None:
        await upgrade(database.owner, migrations)

    return migrate


@asynccontextmanager
async def running_service(
    service: Service[Any], make_database: MakeDatabase, at: datetime | SetClock, **settings: Any
) -> AsyncIterator[RunningService]:
    """The service from `at` on, or by a clock; `settings` are those it has besides what every service has."""
    like = service.name.removesuffix("-service")
    clock = at if isinstance(at, SetClock) else SetClock(at)
    async with (
        make_database.lent(like, _migrated(service.migrations)) as database,
        make_database.lent("vault", with_vault) as vault_database,
        Issuer(clock).serving() as issuer,
        httpx.AsyncClient(trust_env=False, verify=_authorities()) as http,
        PostgresEventLog.open(database.api) as log,
        asyncpg.create_pool(database.worker, min_size=1, max_size=3) as pool,
        Vault.open_at(vault_database.as_role(f"{like}_api"), VAULT_KEY) as vault,
    ):
        health = Health(ready={})
        health.running(running=True)
        told = service.settings(
            port=1,
            vault_key=base64.b64encode(VAULT_KEY).decode(),
            cursor_key=CURSOR_KEY,
            issuer=issuer.iss,
            jwks_url=issuer.jwks_url,
            audience=AUDIENCE,
            transport="feed",
            **settings,
        )
        parts = ApiParts(
            settings=told,
            log=log,
            pool=log.pool,
            reads=TenantReads(log.pool),
            vault=vault,
            runner=CommandRunner(log, StateCache(service.cached_states)),
            policies=PolicyBook(log),
            cursors=Cursors(CURSOR_KEY.encode()),
            feed=Feed(log, publication(service, log)),
            auth=issuer.authenticator(http),
            health=health,
            clock=clock,
        )
        registry = CollectorRegistry()
        worker = WorkerParts(
            settings=told,
            log=log,
            pool=pool,
            vault=vault,
            policies=PolicyBook(log),
            http=http,
            broker=None,
            registry=registry,
            metrics=ConsumerMetrics(registry),
            clock=clock,
        )
        app = create_app(service, parts)
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url=f"http://{like}", trust_env=False) as client:
            yield RunningService(service, app, client, issuer, clock, database, parts, worker)


async def with_vault(database: Database) -> None:
    await install(database.owner)
