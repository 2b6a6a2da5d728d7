"""Builds the parts of each process out of its settings. Nothing is opened before the process starts."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import httpx2 as httpx
from fastapi import FastAPI
from prometheus_client import CollectorRegistry
from starlette.applications import Starlette

from collections_service.api.app import create_app
from collections_service.api.parts import Parts
from collections_service.command_handling.customer_data import CustomerBook
from collections_service.command_handling.ledger import Ledger
from collections_service.command_handling.loading import Loader
from collections_service.erp_intake.intake import Intake
from collections_service.erp_intake.message_store import MessageStore
from collections_service.erp_intake.sweep import Sweep
from collections_service.inbox.erp_topic import DeadLetterTopic, ErpTopic
from collections_service.inbox.hold_keeper import HoldKeeper
from collections_service.policies.tolerance import FIRST_TOLERANCE
from collections_service.projections.movements import Movements
from collections_service.projections.recollection_tasks import RecollectionTasks
from collections_service.publication.collections_publication import CollectionsPublication
from collections_service.settings import CollectionsSettings, RebuildSettings
from redress.assembly import (
    API_READERS,
    authenticator,
    broker_of,
    consumer_part,
    feed_client,
    given,
    member_of,
    relay_parts,
    served,
    source_of,
    worker_pool,
)
from redress.clock import SystemClock
from redress.contracts import collections_events, dispute_events
from redress.eventlog.events import RecordedEvent
from redress.eventlog.postgres import PostgresEventLog
from redress.eventlog.vault import Vault
from redress.messaging.feed import Feed, feed_router
from redress.messaging.foreign_source import ForeignSource
from redress.messaging.log_source import LogSource
from redress.messaging.port import Broker
from redress.ops.run import Part
from redress.projections.checkpoints import consumer_name
from redress.projections.metrics import ConsumerMetrics
from redress.projections.projection import Projection
from redress.projections.rebuild import Progress, Rebuilt
from redress.projections.rebuild import rebuild as rebuild_projection
from redress.projections.runner import Runner
from redress.web.health import Health
from redress.web.pages import Cursors
from redress.web.worker_status import worker_status

SERVICE = "collections-service"
FOLLOWED = "dispute-service"


def own_projections() -> tuple[Projection[RecordedEvent], ...]:
    """What is built from the own log, and can be rebuilt from it."""
    return (Movements(), RecollectionTasks())


async def rebuild(settings: RebuildSettings, name: str, progress: Callable[[Progress], None]) -> Rebuilt:
    """Build a read model anew while the worker may go on. KeyError for one that does not exist, RebuildFailed."""
    projection = {each.name: each for each in own_projections()}[name]
    worker_dsn = given(settings.worker_database_url)
    async with PostgresEventLog.open(worker_dsn) as log:
        return await rebuild_projection(
            projection,
            LogSource(log),
            owner_dsn=given(settings.owner_database_url),
            worker_dsn=worker_dsn,
            progress=progress,
        )


def api(settings: CollectionsSettings) -> Starlette:
    """The HTTP app."""

    @asynccontextmanager
    async def opened() -> AsyncIterator[FastAPI]:
        async with (
            PostgresEventLog.open(given(settings.database_url), readers=API_READERS) as log,
            Vault.open_at(given(settings.vault_database_url), settings.vault_key_bytes) as vault,
            httpx.AsyncClient() as http,
        ):
            yield create_app(
                _parts(settings, log, vault),
                auth=authenticator(settings, http),
                health=Health(ready={"database": log.head}),
                more_routes=(feed_router(Feed(log, CollectionsPublication(log))),),
            )

    return served(opened)


@asynccontextmanager
async def worker(settings: CollectionsSettings) -> AsyncIterator[Sequence[Part]]:
    """Sequencer, projections, the hold keeper, the sweep, and with Kafka the relay and the ERP's topics."""
    registry = CollectorRegistry()
    async with (
        PostgresEventLog.open(given(settings.worker_database_url)) as log,
        worker_pool(settings) as pool,
        Vault.open_at(given(settings.vault_database_url), settings.vault_key_bytes) as vault,
        httpx.AsyncClient() as http,
    ):
        metrics = ConsumerMetrics(registry)
        intake, store = _intake(settings, log, vault)
        broker = broker_of(settings, SERVICE)
        parts = [consumer_part(each) for each in _consumers(settings, log, pool, http, metrics)]
        parts.append(Part("sweep", Sweep(intake, store, SystemClock()).run))
        parts += relay_parts(
            pool, log, CollectionsPublication(log), broker, topic=collections_events.TOPIC, registry=registry
        )
        if broker is not None:
            parts += [
                _erp_topic(pool, ErpTopic(intake, tenants, DeadLetterTopic(broker, topic)), broker, topic, metrics)
                for topic, tenants in settings.erp_topics.items()
            ]
        parts += worker_status(settings.host, settings.worker_port, registry, log.head)
        yield parts


@asynccontextmanager
async def consumers(settings: CollectionsSettings) -> AsyncIterator[Sequence[Runner[Any]]]:
    """The worker's consumers alone, for an operator who releases what one of them has parked."""
    async with (
        PostgresEventLog.open(given(settings.worker_database_url)) as log,
        worker_pool(settings) as pool,
        Vault.open_at(given(settings.vault_database_url), settings.vault_key_bytes) as vault,
        httpx.AsyncClient() as http,
    ):
        metrics = ConsumerMetrics(CollectorRegistry())
        runners = _consumers(settings, log, pool, http, metrics)
        broker = broker_of(settings, SERVICE)
        if broker is not None:
            intake, _ = _intake(settings, log, vault)
            for topic, tenants in settings.erp_topics.items():
                handler = ErpTopic(intake, tenants, DeadLetterTopic(broker, topic))
                runners.append(Runner(pool, handler, await _erp_source(handler, broker, topic), metrics=metrics))
        yield runners


def _consumers(
    settings: CollectionsSettings,
    log: PostgresEventLog,
    pool: asyncpg.Pool,
    http: httpx.AsyncClient,
    metrics: ConsumerMetrics,
) -> list[Runner[Any]]:
    """The read models out of the own log, and the hold keeper."""
    keeper = HoldKeeper(log)
    source = source_of(
        keeper.name,
        of=FOLLOWED,
        by=SERVICE,
        topic=dispute_events.TOPIC,
        client=feed_client(settings, http, settings.dispute_url),
        broker=broker_of(settings, SERVICE),
    )
    runners: list[Runner[Any]] = [Runner(pool, each, LogSource(log), metrics=metrics) for each in own_projections()]
    runners.append(Runner(pool, keeper, source, metrics=metrics, committed=log.poke))
    return runners


def _parts(settings: CollectionsSettings, log: PostgresEventLog, vault: Vault) -> Parts:
    intake, _ = _intake(settings, log, vault)
    return Parts(
        log=log,
        pool=log.pool,
        vault=vault,
        intake=intake,
        cursors=Cursors(settings.cursor_key_bytes),
        clock=SystemClock(),
    )


def _intake(settings: CollectionsSettings, log: PostgresEventLog, vault: Vault) -> tuple[Intake, MessageStore]:
    store = MessageStore(log.pool)
    loader = Loader(log)
    intake = Intake(
        ledger=Ledger(log, loader, FIRST_TOLERANCE),
        customers=CustomerBook(loader, vault),
        store=store,
        vault=vault,
        mapping=settings.business_events,
        clock=SystemClock(),
    )
    return intake, store


def _erp_topic(pool: asyncpg.Pool, handler: ErpTopic, broker: Broker, topic: str, metrics: ConsumerMetrics) -> Part:
    name = consumer_name(handler.name, topic)

    async def run(stop: asyncio.Event) -> None:
        source = await _erp_source(handler, broker, topic)
        await Runner(pool, handler, source, metrics=metrics).run(stop)

    return Part(name, run)


async def _erp_source(handler: ErpTopic, broker: Broker, topic: str) -> ForeignSource:
    """How many partitions an ERP's topic has is the ERP's business; it is asked each time the part starts."""
    name = consumer_name(handler.name, topic)
    return ForeignSource(
        broker, topic, group=f"{SERVICE}.{name}", member=member_of(name), partitions=await broker.partitions(topic)
    )
