"""Builds the processes of a service out of its features and settings. Nothing is opened before a process starts."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import Any

import httpx2 as httpx
from fastapi import FastAPI
from prometheus_client import CollectorRegistry
from starlette.applications import Starlette

from redress.clock import SystemClock
from redress.contracts.envelope import PublishedEvent
from redress.eventlog.events import RecordedEvent
from redress.eventlog.log import EventLog
from redress.eventlog.postgres import PostgresEventLog
from redress.eventlog.vault import Vault
from redress.handling.command_runner import CommandRunner
from redress.handling.state_cache import StateCache
from redress.messaging.feed import Feed, feed_router
from redress.messaging.feed_source import FeedSource
from redress.messaging.foreign_source import ForeignSource
from redress.messaging.log_source import LogSource
from redress.messaging.port import IncomingMessage
from redress.messaging.relay import Relay, RelayMetrics
from redress.messaging.state_publication import StatePublication
from redress.ops.run import Part
from redress.ops.settings import RebuildSettings, ServiceSettings, clock_of
from redress.policy.book import PolicyBook
from redress.projections.checkpoints import consumer_name
from redress.projections.metrics import ConsumerMetrics
from redress.projections.projection import Projection, is_reactor
from redress.projections.rebuild import Progress, RebuildResult
from redress.projections.rebuild import rebuild as rebuild_projection
from redress.projections.runner import Runner
from redress.reading.tenant_reads import TenantReads
from redress.service.connections import (
    API_READERS,
    authenticator,
    broker_of,
    feed_client,
    lazy_app,
    member_of,
    required,
    source_of,
    worker_pool,
)
from redress.service.feature import ApiParts, Service, Subscription, WorkerParts
from redress.timers.poller import TimerMetrics, TimerPoller
from redress.timers.reaction import firing
from redress.web.app import Lifespan, create_base_app
from redress.web.health import Health
from redress.web.openapi import problem_catalogue
from redress.web.pages import Cursors
from redress.web.worker_status import worker_status


def publication(service: Service[Any], log: EventLog) -> StatePublication:
    """The service's public face: what of its features' streams is published."""
    streams = [stream for feature in service.features for stream in feature.publishes]
    return StatePublication(log, service.source, streams)


# -- the API


def create_app(service: Service[Any], parts: ApiParts[Any], lifespan: Lifespan | None = None) -> FastAPI:
    """The HTTP app over its parts; `lifespan` opens and closes what only a running process has."""
    app = create_base_app(
        title=f"Redress {service.name}",
        version=version(f"redress-{service.name}"),
        description=service.about,
        auth=parts.auth,
        health=parts.health,
        clock=parts.clock,
        lifespan=lifespan,
        max_body_bytes=service.max_body_bytes,
        problems=problem_catalogue([refusal for feature in service.features for refusal in feature.refusals]),
        examples=service.examples,
    )
    for feature in service.features:
        if feature.routes is not None:
            app.include_router(feature.routes(parts))
    app.include_router(feed_router(parts.feed))
    return app


def openapi_document(service: Service[Any]) -> dict[str, Any]:
    """The service's `/openapi.json`, without settings and with nothing opened."""
    return unopened_app(service).openapi()


def unopened_app(service: Service[Any]) -> FastAPI:
    """The app for looking at: its routes are listed and described, none of them can answer."""
    unopened: Any = _AbsentPart()
    parts: dict[str, Any] = dict.fromkeys(ApiParts.__struct_fields__, unopened)
    parts["settings"] = service.settings.model_construct()  # their defaults, whatever the environment says
    return create_app(service, ApiParts(**parts))


class _AbsentPart:
    """A stand-in for every part while routes are only listed and no part is used."""

    def __getattr__(self, _: str) -> "_AbsentPart":
        return self

    def __call__(self, *_: object, **__: object) -> "_AbsentPart":
        return self


def api(service: Service[Any], settings: ServiceSettings) -> Starlette:
    """The app whose parts are opened when it is served."""

    @asynccontextmanager
    async def opened() -> AsyncIterator[FastAPI]:
        async with _api_parts(service, settings) as parts:
            yield create_app(service, parts)

    return lazy_app(opened)


@asynccontextmanager
async def _api_parts(service: Service[Any], settings: ServiceSettings) -> AsyncIterator[ApiParts[Any]]:
    async with (
        PostgresEventLog.open(required(settings.database_url), readers=API_READERS) as log,
        Vault.open_at(required(settings.vault_database_url), settings.vault_key_bytes) as vault,
        httpx.AsyncClient() as http,
    ):
        clock = clock_of(settings)
        yield ApiParts(
            settings=settings,
            log=log,
            pool=log.pool,
            reads=TenantReads(log.pool),
            vault=vault,
            runner=CommandRunner(log, StateCache(service.cached_states)),
            policies=PolicyBook(log),
            cursors=Cursors(settings.cursor_key_bytes),
            feed=Feed(log, publication(service, log)),
            auth=authenticator(settings, http, clock),
            health=Health(ready={"database": log.head}),
            clock=clock,
        )


# -- the worker


@asynccontextmanager
async def worker(service: Service[Any], settings: ServiceSettings) -> AsyncIterator[Sequence[Part]]:
    """Sequencer, projections of the own log, handlers of others' events, timers, the features' own parts, the relay."""
    async with _worker_parts(service, settings) as parts:
        yield [
            *(Part(runner.name, runner.run) for runner in _consumers(service, parts)),
            *_foreign_topics(service, parts),
            *_timers(service, parts),
            *(part for feature in service.features if feature.parts is not None for part in feature.parts(parts)),
            *_relay(service, parts),
            *worker_status(settings.host, settings.worker_port, parts.registry, parts.log.head),
        ]


@asynccontextmanager
async def consumers(service: Service[Any], settings: ServiceSettings) -> AsyncIterator[Sequence[Runner[Any]]]:
    """The worker's consumers alone and not running, for an operator who releases what one of them has parked."""
    async with _worker_parts(service, settings) as parts:
        foreign = [await _foreign_runner(service, parts, *each) for each in _topics(service, parts).items()]
        yield [*_consumers(service, parts), *foreign]


@asynccontextmanager
async def _worker_parts(service: Service[Any], settings: ServiceSettings) -> AsyncIterator[WorkerParts[Any]]:
    registry = CollectorRegistry()
    async with (
        PostgresEventLog.open(required(settings.worker_database_url)) as log,
        worker_pool(settings) as pool,
        Vault.open_at(required(settings.vault_database_url), settings.vault_key_bytes) as vault,
        httpx.AsyncClient() as http,
    ):
        yield WorkerParts(
            settings=settings,
            log=log,
            pool=pool,
            vault=vault,
            policies=PolicyBook(log),
            http=http,
            broker=broker_of(settings, service.name),
            registry=registry,
            metrics=ConsumerMetrics(registry),
            clock=clock_of(settings),
        )


def _consumers(service: Service[Any], parts: WorkerParts[Any]) -> Iterator[Runner[Any]]:
    yield from _own_consumers(service, parts)
    yield from _followers(service, parts)


def _own_consumers(service: Service[Any], parts: WorkerParts[Any]) -> Iterator[Runner[RecordedEvent]]:
    for projection in own_projections(service):
        yield Runner(parts.pool, projection, LogSource(parts.log), metrics=parts.metrics, committed=parts.log.poke)


def _followers(service: Service[Any], parts: WorkerParts[Any]) -> Iterator[Runner[PublishedEvent]]:
    for following in _following(service):
        followed = service.follows[following.of]
        handler = following.handler(parts)
        source = source_of(
            handler.name,
            of=following.of,
            by=service.name,
            topic=followed.topic,
            client=feed_client(parts.settings, parts.http, getattr(parts.settings, followed.url_setting), parts.clock),
            broker=parts.broker,
        )
        yield Runner(parts.pool, handler, source, metrics=parts.metrics, committed=parts.log.poke)


def _topics(service: Service[Any], parts: WorkerParts[Any]) -> dict[str, Projection[IncomingMessage]]:
    """The topics of other systems with their handlers; none where there is no broker."""
    if parts.broker is None:
        return {}
    of_features = [feature.topics(parts) for feature in service.features if feature.topics is not None]
    return {topic: handler for topics in of_features for topic, handler in topics.items()}


def _foreign_topics(service: Service[Any], parts: WorkerParts[Any]) -> Iterator[Part]:
    for topic, handler in _topics(service, parts).items():

        async def run(stop: asyncio.Event, topic: str = topic, handler: Projection[IncomingMessage] = handler) -> None:
            # How many partitions another system's topic has is its business; it is asked each time the part starts.
            runner = await _foreign_runner(service, parts, topic, handler)
            await runner.run(stop)

        yield Part(consumer_name(handler.name, topic), run)


async def _foreign_runner(
    service: Service[Any], parts: WorkerParts[Any], topic: str, handler: Projection[IncomingMessage]
) -> Runner[IncomingMessage]:
    if parts.broker is None:
        raise ValueError("without a broker there are no topics")
    group = f"{service.name}.{consumer_name(handler.name, topic)}"
    source = ForeignSource(
        parts.broker,
        topic,
        group=group,
        member=member_of(consumer_name(handler.name, topic)),
        partitions=await parts.broker.partitions(topic),
    )
    return Runner(parts.pool, handler, source, metrics=parts.metrics)


def _timers(service: Service[Any], parts: WorkerParts[Any]) -> Iterator[Part]:
    handlers = {
        kind: firing(service.name, kind, parts.log, react)
        for feature in service.features
        for kind, react in feature.timers.items()
    }
    poller = TimerPoller(parts.pool, handlers, metrics=TimerMetrics(parts.registry), committed=parts.log.poke)
    yield Part("timers", poller.run)


def _relay(service: Service[Any], parts: WorkerParts[Any]) -> Iterator[Part]:
    if parts.broker is not None:
        relay = Relay(
            parts.pool,
            parts.log,
            publication(service, parts.log),
            parts.broker,
            service.topic,
            metrics=RelayMetrics(parts.registry),
        )
        yield Part("relay", relay.run)


# -- rebuilds


def own_projections(service: Service[Any]) -> list[Projection[RecordedEvent]]:
    """Everything that follows the service's own log."""
    return [projection for feature in service.features for projection in feature.projections()]


def rebuildable(service: Service[Any]) -> list[str]:
    """The names of the read models that can be built anew from events alone."""
    own = [projection.name for projection in own_projections(service) if not is_reactor(projection)]
    return own + [handler().name for each in _following(service) if (handler := each.rebuilt_as) is not None]


async def rebuild(
    service: Service[Any], settings: RebuildSettings, name: str, progress: Callable[[Progress], None]
) -> RebuildResult:
    """Build a read model anew while the worker may go on. KeyError for one that does not exist, RebuildFailed."""
    owner_dsn, worker_dsn = required(settings.owner_database_url), required(settings.worker_database_url)
    own = {each.name: each for each in own_projections(service) if not is_reactor(each)}
    if name in own:
        async with PostgresEventLog.open(worker_dsn) as log:
            return await rebuild_projection(
                own[name], LogSource(log), owner_dsn=owner_dsn, worker_dsn=worker_dsn, progress=progress
            )
    handler, of = _rebuilt_from_others(service)[name]
    async with httpx.AsyncClient() as http:
        url: str | None = getattr(settings, service.follows[of].url_setting)
        source = FeedSource(of, feed_client(settings, http, url, SystemClock()))
        return await rebuild_projection(handler, source, owner_dsn=owner_dsn, worker_dsn=worker_dsn, progress=progress)


def _rebuilt_from_others(service: Service[Any]) -> dict[str, tuple[Projection[PublishedEvent], str]]:
    made = [(each.rebuilt_as(), each.of) for each in _following(service) if each.rebuilt_as is not None]
    return {handler.name: (handler, of) for handler, of in made}


def _following(service: Service[Any]) -> list[Subscription]:
    return [following for feature in service.features for following in feature.follows]


# -- settings


def needed_by_consumers(service: Service[Any]) -> tuple[str, ...]:
    """Optional settings that the worker's consumers cannot do without."""
    return ("worker_database_url", "vault_database_url", *_needed_to_follow(service))


def needed_by_worker(service: Service[Any]) -> tuple[str, ...]:
    """Optional settings that the worker cannot do without."""
    return (*needed_by_consumers(service), *service.needed_by_worker)


def needed_by_rebuild(service: Service[Any]) -> tuple[str, ...]:
    """Optional settings that a rebuild cannot do without."""
    return _needed_to_follow(service) if _rebuilt_from_others(service) else ()


def _needed_to_follow(service: Service[Any]) -> tuple[str, ...]:
    if not service.follows:
        return ()
    return ("client_id", "client_secret", "token_url", *(each.url_setting for each in service.follows.values()))


NEEDED_BY_API = ("database_url", "vault_database_url")
