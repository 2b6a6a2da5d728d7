"""The worker's part of the ERP's door: the sweep, and with Kafka the ERP's topics."""

from collections_service.erp.dynamics365 import mapping_of
from collections_service.erp.intake import Intake
from collections_service.erp.message_store import MessageStore
from collections_service.erp.sweep import Sweep
from collections_service.erp.topic import DeadLetterTopic, ErpTopic
from collections_service.settings import CollectionsSettings
from redress.handling.command_runner import CommandRunner
from redress.handling.state_cache import StateCache
from redress.ops.run import Part
from redress.service.feature import WorkerParts

CACHED_STATES = 10_000  # of invoices, receipts and customers, some twenty megabytes; a batch touches a few thousand


def erp_parts(parts: WorkerParts[CollectionsSettings]) -> list[Part]:
    return [Part("sweep", Sweep(_intake(parts), MessageStore(parts.log.pool), parts.clock).run)]


def erp_topics(parts: WorkerParts[CollectionsSettings]) -> dict[str, ErpTopic]:
    """The handler of each of the ERP's topics; none where there is no broker."""
    if parts.broker is None:
        return {}
    intake = _intake(parts)
    return {
        topic: ErpTopic(intake, tenants, DeadLetterTopic(parts.broker, topic))
        for topic, tenants in parts.settings.erp_topics.items()
    }


def _intake(parts: WorkerParts[CollectionsSettings]) -> Intake:
    return Intake.over(
        runner=CommandRunner(parts.log, StateCache(CACHED_STATES)),
        log=parts.log,
        pool=parts.log.pool,
        vault=parts.vault,
        policies=parts.policies,
        mapping=mapping_of(parts.settings),
        clock=parts.clock,
    )
