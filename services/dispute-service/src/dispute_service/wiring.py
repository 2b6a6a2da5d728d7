"""Builds the parts of each process out of its settings. Nothing is opened before the process starts."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import TypeVar

import asyncpg
import httpx2 as httpx
from prometheus_client import CollectorRegistry
from pydantic import SecretStr
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
from redress.clock import SystemClock
from redress.contracts import collections_events, dispute_events
from redress.contracts.envelope import Published
from redress.eventlog.events import RecordedEvent
from redress.eventlog.postgres import PostgresEventLog
from redress.eventlog.vault import Vault
from redress.messaging.feed import Feed
from redress.messaging.feed_source import FeedClient, FeedSource
from redress.messaging.kafka import KafkaBroker
from redress.messaging.kafka_source import KafkaSource
from redress.messaging.log_source import LogSource
from redress.messaging.relay import Relay, RelayMetrics
from redress.messaging.source import Source
from redress.messaging.tokens import ClientCredentials
from redress.ops.run import Part
from redress.projections.checkpoints import consumer_name
from redress.projections.metrics import ConsumerMetrics
from redress.projections.projection import Projection
from redress.projections.rebuild import Progress, Rebuilt
from redress.projections.rebuild import rebuild as rebuild_projection
from redress.projections.runner import Runner
from redress.timers.poller import TimerMetrics, TimerPoller
from redress.web.auth import Authenticator
from redress.web.health import Health
from redress.web.pages import Cursors
from redress.web.worker_status import worker_status

E = TypeVar("E")

SERVICE = "dispute-service"
API_READERS = 8
LIST_CONNECTIONS = 4
WORKER_CONNECTIONS = 8
WORKER_TIMEOUT_S = 60.0  # the role's own limit on a transaction


def rebuildable() -> tuple[DisputeHistory, ...]:
    """What is built from the own log and nothing else, and can be rebuilt from it."""
    return (DisputeHistory(),)


async def rebuild(settings: RebuildSettings, name: str, progress: Callable[[Progress], None]) -> Rebuilt:
    """Build a read model anew while the worker may go on. KeyError for one that does not exist, RebuildFailed."""
    projection = {each.name: each for each in rebuildable()}[name]
    worker_dsn = _given(settings.worker_database_url)
    async with PostgresEventLog.open(worker_dsn) as log:
        return await rebuild_projection(
            projection,
            LogSource(log),
            owner_dsn=_given(settings.owner_database_url),
            worker_dsn=worker_dsn,
            progress=progress,
        )


def api(settings: DisputeSettings) -> Starlette:
    """The HTTP app. Its connections are opened when the server starts and closed when it has stopped, so what is
    served stands behind an outer app that has nothing of its own."""

    @asynccontextmanager
    async def lifespan(outer: Starlette) -> AsyncIterator[None]:
        async with _api_parts(settings) as parts:
            inner = create_app(parts)
            outer.mount("/", inner)
            inner.state.stopping = outer.state.stopping  # long polls end when it is set
            async with inner.router.lifespan_context(inner):
                yield

    app = Starlette(lifespan=lifespan)
    app.state.stopping = asyncio.Event()
    return app


@asynccontextmanager
async def _api_parts(settings: DisputeSettings) -> AsyncIterator[ApiParts]:
    async with (
        PostgresEventLog.open(_given(settings.database_url), readers=API_READERS) as log,
        Vault.open_at(_given(settings.vault_database_url), settings.vault_key_bytes) as vault,
        list_engine(_given(settings.database_url)) as engine,
        httpx.AsyncClient() as http,
    ):
        yield ApiParts(
            log=log,
            handler=CommandHandler(log),
            lists=DisputeLists(engine, Cursors(settings.cursor_key_bytes)),
            vault=vault,
            feed=Feed(log, DisputePublication(log)),
            auth=Authenticator(
                issuer=settings.issuer, audience=settings.audience, jwks_url=settings.jwks_url, client=http
            ),
            health=Health(ready={"database": log.head}),
            clock=SystemClock(),
        )


@asynccontextmanager
async def worker(settings: DisputeSettings) -> AsyncIterator[Sequence[Part]]:
    """Sequencer, history, SLA clock and timers, the ledger's facts, and with Kafka the relay."""
    registry = CollectorRegistry()
    async with (
        PostgresEventLog.open(_given(settings.worker_database_url)) as log,
        _pool(_given(settings.worker_database_url)) as pool,
        httpx.AsyncClient() as http,
    ):
        metrics = ConsumerMetrics(registry)
        broker = _broker(settings)
        own: tuple[Projection[RecordedEvent], ...] = (*rebuildable(), SlaClock())
        ledger = ContestedInvoices(log)
        source = _collections(ledger.name, _feed_client(settings, http), broker)
        poller = TimerPoller(pool, SlaBreach(log), metrics=TimerMetrics(registry), committed=log.poke)
        parts = [_consumer(Runner(pool, each, LogSource(log), metrics=metrics)) for each in own]
        parts.append(_consumer(Runner(pool, ledger, source, metrics=metrics, committed=log.poke)))
        parts.append(Part("timers", poller.run))
        if broker is not None:
            relay = Relay(
                pool, log, DisputePublication(log), broker, dispute_events.TOPIC, metrics=RelayMetrics(registry)
            )
            parts.append(Part("relay", relay.run))
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


def _consumer(runner: Runner[E]) -> Part:
    return Part(runner.name, runner.run)


def _collections(name: str, client: FeedClient, broker: KafkaBroker | None) -> Source[Published]:
    """Where collections-service's events come from: the topic, repaired by the feed, or the feed alone."""
    if broker is None:
        return FeedSource(FOLLOWED, client)
    group = f"{SERVICE}.{consumer_name(name, FOLLOWED)}"
    return KafkaSource(FOLLOWED, broker, collections_events.TOPIC, group=group, member=group, feed=client)


def _broker(settings: DisputeSettings) -> KafkaBroker | None:
    if settings.transport == "feed":
        return None
    if settings.kafka_bootstrap_servers is None:
        raise ValueError("TRANSPORT=kafka needs KAFKA_BOOTSTRAP_SERVERS")
    return KafkaBroker(settings.kafka_bootstrap_servers, client_id=SERVICE)


def _feed_client(settings: DisputeSettings, http: httpx.AsyncClient) -> FeedClient:
    tokens = ClientCredentials(
        http,
        settings.token_url or "",
        settings.client_id or "",
        _given(settings.client_secret),
        audience=settings.audience,
    )
    return FeedClient(http, settings.collections_url or "", tokens)


@asynccontextmanager
async def _pool(dsn: str) -> AsyncIterator[asyncpg.Pool]:
    pool = await asyncpg.create_pool(
        dsn, min_size=1, max_size=WORKER_CONNECTIONS, command_timeout=WORKER_TIMEOUT_S, timeout=5.0
    )
    try:
        yield pool
    finally:
        pool.terminate()


def _given(secret: SecretStr | None) -> str:
    """A setting that load_settings has required."""
    if secret is None:
        raise ValueError("a required setting is missing")
    return secret.get_secret_value()
