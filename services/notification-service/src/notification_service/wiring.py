"""Builds the parts of each process out of its settings. Nothing is opened before the process starts."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

import asyncpg
import httpx2 as httpx
from prometheus_client import CollectorRegistry
from pydantic import SecretStr
from starlette.applications import Starlette

from notification_service.api.app import create_app
from notification_service.api.parts import Parts
from notification_service.inbox.notices import Notices
from notification_service.projections.dispute_state import DisputeStates
from notification_service.projections.heard_events import HeardEvents
from notification_service.publication.published import NotificationPublication
from notification_service.sending.attempt import Attempts
from notification_service.sending.loop import SendingLoop
from notification_service.sending.metrics import SendingMetrics
from notification_service.sending.smtp import Smtp
from notification_service.settings import NotificationSettings
from notification_service.wording.compose import Wording
from redress.clock import SystemClock
from redress.contracts import dispute_events, notification_events
from redress.contracts.envelope import Published
from redress.eventlog.postgres import PostgresEventLog
from redress.eventlog.vault import Vault
from redress.messaging.feed import Feed
from redress.messaging.feed_source import FeedClient, FeedSource
from redress.messaging.kafka import KafkaBroker
from redress.messaging.kafka_source import KafkaSource
from redress.messaging.relay import Relay, RelayMetrics
from redress.messaging.source import Source
from redress.messaging.tokens import ClientCredentials
from redress.ops.run import Part
from redress.projections import rebuild as rebuilding
from redress.projections.checkpoints import consumer_name
from redress.projections.metrics import ConsumerMetrics
from redress.projections.projection import Projection
from redress.projections.rebuild import Progress, Rebuilt
from redress.projections.runner import Runner
from redress.web.auth import Authenticator
from redress.web.health import Health
from redress.web.pages import Cursors
from redress.web.worker_status import worker_status

SERVICE = "notification-service"
FOLLOWED = "dispute-service"
API_READERS = 8
WORKER_CONNECTIONS = 8
WORKER_TIMEOUT_S = 60.0  # the role's own limit on a transaction


def api(settings: NotificationSettings) -> Starlette:
    """The HTTP app. Its connections are opened when the server starts and closed when it has stopped, so what is
    served stands behind an outer app that has nothing of its own."""

    @asynccontextmanager
    async def lifespan(outer: Starlette) -> AsyncIterator[None]:
        async with _api_parts(settings) as parts:
            inner = create_app(parts)
            outer.mount("/", inner)
            inner.state.stopping = outer.state.stopping
            async with inner.router.lifespan_context(inner):
                yield

    app = Starlette(lifespan=lifespan)
    app.state.stopping = asyncio.Event()
    return app


@asynccontextmanager
async def _api_parts(settings: NotificationSettings) -> AsyncIterator[Parts]:
    async with (
        PostgresEventLog.open(_given(settings.database_url), readers=API_READERS) as log,
        Vault.open_at(_given(settings.vault_database_url), settings.vault_key_bytes) as vault,
        httpx.AsyncClient() as http,
    ):
        yield Parts(
            log=log,
            pool=log.pool,
            vault=vault,
            feed=Feed(log, NotificationPublication(log)),
            cursors=Cursors(settings.cursor_key_bytes),
            auth=Authenticator(
                issuer=settings.issuer, audience=settings.audience, jwks_url=settings.jwks_url, client=http
            ),
            health=Health(ready={"database": log.head}),
            clock=SystemClock(),
        )


@asynccontextmanager
async def worker(settings: NotificationSettings) -> AsyncIterator[Sequence[Part]]:
    """Sequencer, consumers of dispute-service's events, sender, and with Kafka the relay."""
    registry = CollectorRegistry()
    async with (
        PostgresEventLog.open(_given(settings.worker_database_url)) as log,
        _pool(_given(settings.worker_database_url)) as pool,
        Vault.open_at(_given(settings.vault_database_url), settings.vault_key_bytes) as vault,
        httpx.AsyncClient() as http,
    ):
        metrics = ConsumerMetrics(registry)
        following: tuple[Projection[Published], ...] = (Notices(log, vault), DisputeStates(), HeardEvents())
        client = _feed_client(settings, http)
        broker = _broker(settings)
        parts = [
            _consumer(Runner(pool, each, _source(each.name, client, broker), metrics=metrics, committed=log.poke))
            for each in following
        ]
        parts.append(_sender(settings, log, vault, registry))
        if broker is not None:
            relay = Relay(
                pool,
                log,
                NotificationPublication(log),
                broker,
                notification_events.TOPIC,
                metrics=RelayMetrics(registry),
            )
            parts.append(Part("relay", relay.run))
        parts += worker_status(settings.host, settings.worker_port, registry, log.head)
        yield parts


REBUILDABLE: dict[str, Callable[[], Projection[Published]]] = {
    "dispute_state": DisputeStates,
    "heard_events": HeardEvents,
}


async def rebuild(settings: NotificationSettings, name: str, progress: Callable[[Progress], None]) -> Rebuilt:
    """Build a read model anew from dispute-service's feed, while the worker goes on. KeyError for an unknown name."""
    projection = REBUILDABLE[name]()
    async with httpx.AsyncClient() as http:
        return await rebuilding.rebuild(
            projection,
            FeedSource(FOLLOWED, _feed_client(settings, http)),
            owner_dsn=_given(settings.owner_database_url),
            worker_dsn=_given(settings.worker_database_url),
            progress=progress,
        )


def _consumer(runner: Runner[Published]) -> Part:
    return Part(runner.name, runner.run)


def _sender(settings: NotificationSettings, log: PostgresEventLog, vault: Vault, registry: CollectorRegistry) -> Part:
    metrics = SendingMetrics(registry)
    clock, sender = SystemClock(), settings.sender
    attempts = Attempts(
        log,
        log.pool,
        vault,
        Smtp(settings.mail_server, local_name=sender.host),
        wording=Wording(),
        sender=sender,
        clock=clock,
        metrics=metrics,
    )

    async def run(stop: asyncio.Event) -> None:
        """Until told to stop; the mails in hand are finished first."""
        loop = SendingLoop(log.pool, attempts, clock, metrics)
        telling = asyncio.create_task(_stop_when(stop, loop))
        try:
            await loop.run()
        finally:
            telling.cancel()

    return Part("sender", run)


def _source(name: str, client: FeedClient, broker: KafkaBroker | None) -> Source[Published]:
    """Where a consumer gets dispute-service's events: the topic, repaired by the feed, or the feed alone."""
    if broker is None:
        return FeedSource(FOLLOWED, client)
    group = f"notification-service.{consumer_name(name, FOLLOWED)}"
    return KafkaSource(FOLLOWED, broker, dispute_events.TOPIC, group=group, member=group, feed=client)


def _broker(settings: NotificationSettings) -> KafkaBroker | None:
    if settings.transport == "feed":
        return None
    if settings.kafka_bootstrap_servers is None:
        raise ValueError("TRANSPORT=kafka needs KAFKA_BOOTSTRAP_SERVERS")
    return KafkaBroker(settings.kafka_bootstrap_servers, client_id="notification-service")


def _feed_client(settings: NotificationSettings, http: httpx.AsyncClient) -> FeedClient:
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


async def _stop_when(stop: asyncio.Event, loop: SendingLoop) -> None:
    await stop.wait()
    loop.stop()


def _given(secret: SecretStr | None) -> str:
    """A setting that load_settings has required."""
    if secret is None:
        raise ValueError("a required setting is missing")
    return secret.get_secret_value()
