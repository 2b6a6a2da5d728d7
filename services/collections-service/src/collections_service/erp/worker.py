"""The worker's part of the ERP's door: the sweep, and with Kafka the ERP's topics."""

import asyncio

from collections_service.erp.dynamics365 import mapping_of
from collections_service.erp.intake import Intake
from collections_service.erp.message_store import MessageStore
from collections_service.erp.sweep import Sweep
from collections_service.erp.topic import DeadLetterTopic, ErpTopic
from collections_service.settings import CollectionsSettings
from redress.handling.command_runner import CommandRunner
from redress.handling.state_cache import StateCache
from redress.messaging.foreign_source import ForeignSource
from redress.messaging.port import Broker
from redress.ops.run import Part
from redress.projections.checkpoints import consumer_name
from redress.projections.runner import Runner
from redress.service.connections import member_of
from redress.service.feature import WorkerParts

CACHED_STATES = 10_000  # of invoices, receipts and customers, some twenty megabytes; a batch touches a few thousand


def erp_parts(parts: WorkerParts[CollectionsSettings]) -> list[Part]:
    runner = CommandRunner(parts.log, StateCache(CACHED_STATES))
    intake = Intake.over(
        runner=runner,
        log=parts.log,
        pool=parts.log.pool,
        vault=parts.vault,
        mapping=mapping_of(parts.settings),
        clock=parts.clock,
    )
    made = [Part("sweep", Sweep(intake, MessageStore(parts.log.pool), parts.clock).run)]
    if parts.broker is not None:
        made += [
            _topic(parts, parts.broker, topic, ErpTopic(intake, tenants, DeadLetterTopic(parts.broker, topic)))
            for topic, tenants in parts.settings.erp_topics.items()
        ]
    return made


def _topic(parts: WorkerParts[CollectionsSettings], broker: Broker, topic: str, handler: ErpTopic) -> Part:
    name = consumer_name(handler.name, topic)

    async def run(stop: asyncio.Event) -> None:
        # How many partitions an ERP's topic has is the ERP's business; it is asked each time the part starts.
        source = ForeignSource(
            broker,
            topic,
            group=f"collections-service.{name}",
            member=member_of(name),
            partitions=await broker.partitions(topic),
        )
        await Runner(parts.pool, handler, source, metrics=parts.metrics).run(stop)

    return Part(name, run)
