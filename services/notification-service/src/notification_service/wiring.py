"""Builds the parts of each process out of its settings. Nothing is opened before the process starts."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

import httpx2 as httpx
from fastapi import FastAPI
from prometheus_client import CollectorRegistry
from starlette.applications import Starlette

from notification_service.app import create_app
from notification_service.dispute_notices.dispute_state import DisputeStates, is_moot
from notification_service.dispute_notices.letters import LETTERS, TEXTS
from notification_service.dispute_notices.rules import RULES as DISPUTE_RULES
from notification_service.dispute_notices.source import DISPUTE_EVENTS
from notification_service.inbox.reactor import NoticesReactor
from notification_service.inbox.received_events import ReceivedEvents
from notification_service.notices.notice import DISPUTE
from notification_service.notices.plan import Rules
from notification_service.notifications.published import NotificationPublication
from notification_service.parts import Parts
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

# The notices that there are: rules about events, letters with their texts, and the question whether they still matter.
RULES = Rules(DISPUTE_RULES)
WORTH = {DISPUTE: is_moot}


def wording() -> Wording:
    return Wording(LETTERS, [TEXTS])


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
            rules=RULES,
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
        metrics = ConsumerMetrics(registry)
        following: tuple[Projection[Published], ...] = (
            NoticesReactor(DISPUTE_EVENTS, RULES, log, vault),
            DisputeStates(),
            ReceivedEvents(DISPUTE_EVENTS),
        )
        client = feed_client(settings, http, settings.dispute_url)
        broker = broker_of(settings, SERVICE)
        sources = {
            each.name: source_of(
                each.name,
                of=DISPUTE_EVENTS.service,
                by=SERVICE,
                topic=dispute_events.TOPIC,
                client=client,
                broker=broker,
            )
            for each in following
        }
        parts = [
            consumer_part(Runner(pool, each, sources[each.name], metrics=metrics, committed=log.poke))
            for each in following
        ]
        parts.append(_sender(settings, log, vault, registry))
        parts += relay_parts(
            pool, log, NotificationPublication(log), broker, topic=notification_events.TOPIC, registry=registry
        )
        parts += worker_status(settings.host, settings.worker_port, registry, log.head)
        yield parts


REBUILDABLE: dict[str, Callable[[], Projection[Published]]] = {
    "dispute_state": DisputeStates,
    "heard_events": lambda: ReceivedEvents(DISPUTE_EVENTS),
}


async def rebuild(settings: NotificationSettings, name: str, progress: Callable[[Progress], None]) -> Rebuilt:
    """Build a read model anew from dispute-service's feed, while the worker goes on. KeyError for an unknown name."""
    projection = REBUILDABLE[name]()
    async with httpx.AsyncClient() as http:
        return await rebuilding.rebuild(
            projection,
            FeedSource(DISPUTE_EVENTS.service, feed_client(settings, http, settings.dispute_url)),
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
        wording=wording(),
        worth=WORTH,
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
