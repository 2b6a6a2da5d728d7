"""The connections of a service's processes, opened out of its settings: pools, transports, clients, the served app."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import asyncpg
import httpx2 as httpx
from fastapi import FastAPI
from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.types import Receive, Scope, Send

from redress.clock import Clock
from redress.contracts.envelope import PublishedEvent
from redress.messaging.feed_source import FeedClient, FeedSource
from redress.messaging.kafka import KafkaBroker
from redress.messaging.kafka_source import KafkaSource
from redress.messaging.source import Source
from redress.messaging.tokens import ClientCredentials
from redress.ops.settings import FollowerSettings, ServiceSettings
from redress.projections.checkpoints import consumer_name
from redress.web.auth import Authenticator

API_READERS = 8
WORKER_CONNECTIONS = 8
WORKER_TIMEOUT_S = 60.0  # the worker role's own limit on a transaction


def required(secret: SecretStr | None) -> str:
    """A setting that load_settings has required."""
    if secret is None:
        raise ValueError("a required setting is missing")
    return secret.get_secret_value()


def lazy_app(open_app: Callable[[], AbstractAsyncContextManager[FastAPI]]) -> Starlette:
    """A thin ASGI wrapper that builds the app at start-up and closes its connections after the server has stopped."""
    app = _LazyApp(open_app)
    app.state.stopping = asyncio.Event()
    return app


class _LazyApp(Starlette):
    def __init__(self, open_app: Callable[[], AbstractAsyncContextManager[FastAPI]]) -> None:
        super().__init__(lifespan=_LazyApp._opened)
        self._open = open_app
        self._inner: FastAPI | None = None

    @asynccontextmanager
    async def _opened(self) -> AsyncIterator[None]:
        async with self._open() as inner:
            inner.state.stopping = self.state.stopping  # long polls end when it is set
            self._inner = inner
            async with inner.router.lifespan_context(inner):
                yield

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._inner is None:
            await super().__call__(scope, receive, send)
        else:
            await self._inner(scope, receive, send)


def authenticator(settings: ServiceSettings, http: httpx.AsyncClient, clock: Clock) -> Authenticator:
    return Authenticator(
        issuer=settings.issuer, audience=settings.audience, jwks_url=settings.jwks_url, client=http, clock=clock
    )


@asynccontextmanager
async def worker_pool(settings: ServiceSettings) -> AsyncIterator[asyncpg.Pool]:
    """The connections of a worker's consumers."""
    pool = await asyncpg.create_pool(
        required(settings.worker_database_url),
        min_size=1,
        max_size=WORKER_CONNECTIONS,
        command_timeout=WORKER_TIMEOUT_S,
        timeout=5.0,
    )
    try:
        yield pool
    finally:
        pool.terminate()


def broker_of(settings: ServiceSettings, service: str) -> KafkaBroker | None:
    """The broker; None where the services follow each other's feeds."""
    if settings.transport == "feed":
        return None
    if settings.kafka_bootstrap_servers is None:
        raise ValueError("TRANSPORT=kafka needs KAFKA_BOOTSTRAP_SERVERS")
    return KafkaBroker(settings.kafka_bootstrap_servers, client_id=service)


def feed_client(settings: FollowerSettings, http: httpx.AsyncClient, url: str | None, clock: Clock) -> FeedClient:
    """A client of the feed at `url`, with this service's own credentials."""
    tokens = ClientCredentials(
        http,
        settings.token_url or "",
        settings.client_id or "",
        required(settings.client_secret),
        clock=clock,
        audience=settings.audience,
    )
    return FeedClient(http, url or "", tokens)


def source_of(
    consumer: str, *, of: str, by: str, topic: str, client: FeedClient, broker: KafkaBroker | None
) -> Source[PublishedEvent]:
    """Where `consumer` of the service `by` gets the events of the service `of`: its topic, repaired by its feed, or
    its feed alone."""
    if broker is None:
        return FeedSource(of, client)
    group = f"{by}.{consumer_name(consumer, of)}"
    return KafkaSource(of, broker, topic, group=group, member=member_of(group), feed=client)


def member_of(group: str) -> str:
    """This process's static membership: the same after a restart, another one for each replica of the worker."""
    return f"{group}.{socket.gethostname()}"
