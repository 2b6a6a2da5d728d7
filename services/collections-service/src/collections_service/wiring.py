"""Builds the parts of each process out of its settings. Nothing is opened before the process starts."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import TypeVar

import asyncpg
import httpx2 as httpx
from prometheus_client import CollectorRegistry
from pydantic import SecretStr
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
from redress.clock import SystemClock
from redress.contracts import collections_events, dispute_events
from redress.contracts.envelope import Published
from redress.eventlog.events import RecordedEvent
from redress.eventlog.postgres import PostgresEventLog
from redress.eventlog.vault import Vault
from redress.messaging.feed import Feed, feed_router
from redress.messaging.feed_source import FeedClient, FeedSource
from redress.messaging.foreign_source import ForeignSource
from redress.messaging.kafka import KafkaBroker
from redress.messaging.kafka_source import KafkaSource
from redress.messaging.log_source import LogSource
from redress.messaging.port import Broker
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
from redress.web.auth import Authenticator
from redress.web.health import Health
from redress.web.pages import Cursors
from redress.web.worker_status import worker_status

E = TypeVar("E")

SERVICE = "collections-service"
FOLLOWED = "dispute-service"
API_READERS = 8
WORKER_CONNECTIONS = 10
WORKER_TIMEOUT_S = 60.0  # the role's own limit on a transaction


def own_projections() -> tuple[Projection[RecordedEvent], ...]:
    """What is built from the own log, and can be rebuilt from it."""
    return (Movements(), RecollectionTasks())


async def rebuild(settings: RebuildSettings, name: str, progress: Callable[[Progress], None]) -> Rebuilt:
    """Build a read model anew while the worker may go on. KeyError for one that does not exist, RebuildFailed."""
    projection = {each.name: each for each in own_projections()}[name]
    worker_dsn = _given(settings.worker_database_url)
    async with PostgresEventLog.open(worker_dsn) as log:
        return await rebuild_projection(
            projection,
            LogSource(log),
            owner_dsn=_given(settings.owner_database_url),
            worker_dsn=worker_dsn,
            progress=progress,
        )


def api(settings: CollectionsSettings) -> Starlette:
    """The HTTP app. Its connections are opened when the server starts and closed when it has stopped, so what is
    served stands behind an outer app that has nothing of its own."""

    @asynccontextmanager
    async def lifespan(outer: Starlette) -> AsyncIterator[None]:
        async with (
            PostgresEventLog.open(_given(settings.database_url), readers=API_READERS) as log,
            Vault.open_at(_given(settings.vault_database_url), settings.vault_key_bytes) as vault,
            httpx.AsyncClient() as http,
        ):
            inner = create_app(
                _parts(settings, log, vault),
                auth=Authenticator(
                    issuer=settings.issuer, audience=settings.audience, jwks_url=settings.jwks_url, client=http
                ),
                health=Health(ready={"database": log.head}),
                more_routes=(feed_router(Feed(log, CollectionsPublication(log))),),
            )
            inner.state.stopping = outer.state.stopping  # long polls end when it is set
            outer.mount("/", inner)
            async with inner.router.lifespan_context(inner):
                yield

    app = Starlette(lifespan=lifespan)
    app.state.stopping = asyncio.Event()
    return app


@asynccontextmanager
async def worker(settings: CollectionsSettings) -> AsyncIterator[Sequence[Part]]:
    """Sequencer, projections, the hold keeper, the sweep, and with Kafka the relay and the ERP's topics."""
    registry = CollectorRegistry()
    async with (
        PostgresEventLog.open(_given(settings.worker_database_url)) as log,
        _pool(_given(settings.worker_database_url)) as pool,
        Vault.open_at(_given(settings.vault_database_url), settings.vault_key_bytes) as vault,
        httpx.AsyncClient() as http,
    ):
        metrics = ConsumerMetrics(registry)
        intake, store = _intake(settings, log, vault)
        broker = _broker(settings)
        parts = [_consumer(Runner(pool, each, LogSource(log), metrics=metrics)) for each in own_projections()]
        keeper = HoldKeeper(log)
        source = _disputes(keeper.name, _feed_client(settings, http), broker)
        parts.append(_consumer(Runner(pool, keeper, source, metrics=metrics, committed=log.poke)))
        parts.append(Part("sweep", Sweep(intake, store, SystemClock()).run))
        if broker is not None:
            relay = Relay(
                pool,
                log,
                CollectionsPublication(log),
                broker,
                collections_events.TOPIC,
                metrics=RelayMetrics(registry),
            )
            parts.append(Part("relay", relay.run))
            parts += [
                _erp_topic(pool, ErpTopic(intake, tenants, DeadLetterTopic(broker, topic)), broker, topic, metrics)
                for topic, tenants in settings.erp_topics.items()
            ]
        parts += worker_status(settings.host, settings.worker_port, registry, log.head)
        yield parts


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


def _consumer(runner: Runner[E]) -> Part:
    return Part(runner.name, runner.run)


def _erp_topic(pool: asyncpg.Pool, handler: ErpTopic, broker: Broker, topic: str, metrics: ConsumerMetrics) -> Part:
    name = consumer_name(handler.name, topic)

    async def run(stop: asyncio.Event) -> None:
        # How many partitions an ERP's topic has is the ERP's business; it is asked each time the part starts.
        source = ForeignSource(
            broker, topic, group=f"{SERVICE}.{name}", member=name, partitions=await broker.partitions(topic)
        )
        await Runner(pool, handler, source, metrics=metrics).run(stop)

    return Part(name, run)


def _disputes(name: str, client: FeedClient, broker: Broker | None) -> Source[Published]:
    """Where dispute-service's events come from: the topic, repaired by the feed, or the feed alone."""
    if broker is None:
        return FeedSource(FOLLOWED, client)
    group = f"{SERVICE}.{consumer_name(name, FOLLOWED)}"
    return KafkaSource(FOLLOWED, broker, dispute_events.TOPIC, group=group, member=group, feed=client)


def _broker(settings: CollectionsSettings) -> KafkaBroker | None:
    if settings.transport == "feed":
        return None
    if settings.kafka_bootstrap_servers is None:
        raise ValueError("TRANSPORT=kafka needs KAFKA_BOOTSTRAP_SERVERS")
    return KafkaBroker(settings.kafka_bootstrap_servers, client_id=SERVICE)


def _feed_client(settings: CollectionsSettings, http: httpx.AsyncClient) -> FeedClient:
    tokens = ClientCredentials(
        http,
        settings.token_url or "",
        settings.client_id or "",
        _given(settings.client_secret),
        audience=settings.audience,
    )
    return FeedClient(http, settings.dispute_url or "", tokens)


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
