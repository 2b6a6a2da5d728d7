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
from redress.contracts import dispute_events, notification_events
from redress.contracts.envelope import Published
from redress.eventlog.postgres import PostgresEventLog
from redress.eventlog.vault import Vault
from redress.messaging.feed import Feed
from redress.messaging.feed_source import FeedSource
from redress.ops.run import Part
from redress.projections import rebuild as rebuilding
from redress.projections.metrics import ConsumerMetrics
from redress.projections.projection import Projection
from redress.projections.rebuild import Progress, Rebuilt
from redress.projections.runner import Runner
from redress.web.health import Health
from redress.web.pages import Cursors
from redress.web.worker_status import worker_status

SERVICE = "notification-service"
FOLLOWED = "dispute-service"


def api(settings: NotificationSettings) -> Starlette:
    """The HTTP app."""

    @asynccontextmanager
    async def opened() -> AsyncIterator[FastAPI]:
        async with _api_parts(settings) as parts:
            yield create_app(parts)

    return served(opened)


@asynccontextmanager
async def _api_parts(settings: NotificationSettings) -> AsyncIterator[Parts]:
    async with (
        PostgresEventLog.open(given(settings.database_url), readers=API_READERS) as log,
        Vault.open_at(given(settings.vault_database_url), settings.vault_key_bytes) as vault,
        httpx.AsyncClient() as http,
    ):
        yield Parts(
            log=log,
            pool=log.pool,
            vault=vault,
            feed=Feed(log, NotificationPublication(log)),
            cursors=Cursors(settings.cursor_key_bytes),
            auth=authenticator(settings, http),
            health=Health(ready={"database": log.head}),
            clock=SystemClock(),
        )


@asynccontextmanager
async def worker(settings: NotificationSettings) -> AsyncIterator[Sequence[Part]]:
    """Sequencer, consumers of dispute-service's events, sender, and with Kafka the relay."""
    registry = CollectorRegistry()
    async with (
        PostgresEventLog.open(given(settings.worker_database_url)) as log,
        worker_pool(settings) as pool,
        Vault.open_at(given(settings.vault_database_url), settings.vault_key_bytes) as vault,
        httpx.AsyncClient() as http,
    ):
        broker = broker_of(settings, SERVICE)
        metrics = ConsumerMetrics(registry)
        parts = [consumer_part(each) for each in _consumers(settings, log, pool, vault, http, metrics)]
        parts.append(_sender(settings, log, vault, registry))
        parts += relay_parts(
            pool, log, NotificationPublication(log), broker, topic=notification_events.TOPIC, registry=registry
        )
        parts += worker_status(settings.host, settings.worker_port, registry, log.head)
        yield parts


@asynccontextmanager
async def consumers(settings: NotificationSettings) -> AsyncIterator[Sequence[Runner[Any]]]:
    """The worker's consumers alone, for an operator who releases what one of them has parked."""
    async with (
        PostgresEventLog.open(given(settings.worker_database_url)) as log,
        worker_pool(settings) as pool,
        Vault.open_at(given(settings.vault_database_url), settings.vault_key_bytes) as vault,
        httpx.AsyncClient() as http,
    ):
        yield _consumers(settings, log, pool, vault, http, ConsumerMetrics(CollectorRegistry()))


def _consumers(  # noqa: PLR0917 - the parts of the worker
    settings: NotificationSettings,
    log: PostgresEventLog,
    pool: asyncpg.Pool,
    vault: Vault,
    http: httpx.AsyncClient,
    metrics: ConsumerMetrics,
) -> list[Runner[Any]]:
    """The consumers of dispute-service's events."""
    following: tuple[Projection[Published], ...] = (Notices(log, vault), DisputeStates(), HeardEvents())
    client = feed_client(settings, http, settings.dispute_url)
    broker = broker_of(settings, SERVICE)
    return [
        Runner(
            pool,
            each,
            source_of(each.name, of=FOLLOWED, by=SERVICE, topic=dispute_events.TOPIC, client=client, broker=broker),
            metrics=metrics,
            committed=log.poke,
        )
        for each in following
    ]


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
            FeedSource(FOLLOWED, feed_client(settings, http, settings.dispute_url)),
            owner_dsn=given(settings.owner_database_url),
            worker_dsn=given(settings.worker_database_url),
            progress=progress,
        )


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


async def _stop_when(stop: asyncio.Event, loop: SendingLoop) -> None:
    await stop.wait()
    loop.stop()
