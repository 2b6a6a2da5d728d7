"""Builds the parts of each process out of its settings. Nothing is opened before the process starts."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

import httpx2 as httpx
from fastapi import FastAPI
from prometheus_client import CollectorRegistry
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from starlette.applications import Starlette

from dispute_service.api.app import create_app
from dispute_service.api.parts import ApiParts
from dispute_service.command_handling.handler import CommandHandler
from dispute_service.inbox.collections import SERVICE as FOLLOWED
from dispute_service.process_managers.contested_invoices import ContestedInvoices
from dispute_service.process_managers.sla_clock import SlaClock
from dispute_service.projections.dispute_history import DisputeHistory
from dispute_service.publication.publish import DisputePublication
from dispute_service.queries.dispute_lists import DisputeLists
from dispute_service.settings import DisputeSettings, RebuildSettings
from dispute_service.timers.sla_breach import SlaBreach
from redress.assembly import (
    API_READERS,
    authenticator,
    broker_of,
    consumer_part,
    feed_client,
    given,
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
from redress.messaging.feed import Feed
from redress.messaging.log_source import LogSource
from redress.ops.run import Part
from redress.projections.metrics import ConsumerMetrics
from redress.projections.projection import Projection
from redress.projections.rebuild import Progress, Rebuilt
from redress.projections.rebuild import rebuild as rebuild_projection
from redress.projections.runner import Runner
from redress.timers.poller import TimerMetrics, TimerPoller
from redress.web.health import Health
from redress.web.pages import Cursors
from redress.web.worker_status import worker_status

SERVICE = "dispute-service"
LIST_CONNECTIONS = 4


def rebuildable() -> tuple[DisputeHistory, ...]:
    """What is built from the own log and nothing else, and can be rebuilt from it."""
    return (DisputeHistory(),)


async def rebuild(settings: RebuildSettings, name: str, progress: Callable[[Progress], None]) -> Rebuilt:
    """Build a read model anew while the worker may go on. KeyError for one that does not exist, RebuildFailed."""
    projection = {each.name: each for each in rebuildable()}[name]
    worker_dsn = given(settings.worker_database_url)
    async with PostgresEventLog.open(worker_dsn) as log:
        return await rebuild_projection(
            projection,
            LogSource(log),
            owner_dsn=given(settings.owner_database_url),
            worker_dsn=worker_dsn,
            progress=progress,
        )


def api(settings: DisputeSettings) -> Starlette:
    """The HTTP app."""

    @asynccontextmanager
    async def opened() -> AsyncIterator[FastAPI]:
        async with _api_parts(settings) as parts:
            yield create_app(parts)

    return served(opened)


@asynccontextmanager
async def _api_parts(settings: DisputeSettings) -> AsyncIterator[ApiParts]:
    async with (
        PostgresEventLog.open(given(settings.database_url), readers=API_READERS) as log,
        Vault.open_at(given(settings.vault_database_url), settings.vault_key_bytes) as vault,
        list_engine(given(settings.database_url)) as engine,
        httpx.AsyncClient() as http,
    ):
        yield ApiParts(
            log=log,
            handler=CommandHandler(log),
            lists=DisputeLists(engine, Cursors(settings.cursor_key_bytes)),
            vault=vault,
            feed=Feed(log, DisputePublication(log)),
            auth=authenticator(settings, http),
            health=Health(ready={"database": log.head}),
            clock=SystemClock(),
        )


@asynccontextmanager
async def worker(settings: DisputeSettings) -> AsyncIterator[Sequence[Part]]:
    """Sequencer, history, SLA clock and timers, the ledger's facts, and with Kafka the relay."""
    registry = CollectorRegistry()
    async with (
        PostgresEventLog.open(given(settings.worker_database_url)) as log,
        worker_pool(settings) as pool,
        httpx.AsyncClient() as http,
    ):
        metrics = ConsumerMetrics(registry)
        broker = broker_of(settings, SERVICE)
        own: tuple[Projection[RecordedEvent], ...] = (*rebuildable(), SlaClock())
        ledger = ContestedInvoices(log)
        source = source_of(
            ledger.name,
            of=FOLLOWED,
            by=SERVICE,
            topic=collections_events.TOPIC,
            client=feed_client(settings, http, settings.collections_url),
            broker=broker,
        )
        poller = TimerPoller(pool, {"sla": SlaBreach(log).fire}, metrics=TimerMetrics(registry), committed=log.poke)
        parts = [consumer_part(Runner(pool, each, LogSource(log), metrics=metrics)) for each in own]
        parts.append(consumer_part(Runner(pool, ledger, source, metrics=metrics, committed=log.poke)))
        parts.append(Part("timers", poller.run))
        parts += relay_parts(pool, log, DisputePublication(log), broker, topic=dispute_events.TOPIC, registry=registry)
        parts += worker_status(settings.host, settings.worker_port, registry, log.head)
        yield parts


@asynccontextmanager
async def list_engine(dsn: str) -> AsyncIterator[AsyncEngine]:
    """For the questions of lists, which SQLAlchemy words."""
    url = dsn.replace("postgresql://", "postgresql+asyncpg://", 1)
    engine = create_async_engine(url, pool_size=LIST_CONNECTIONS, max_overflow=0, pool_timeout=2.0)
    try:
        yield engine
    finally:
        await engine.dispose()
