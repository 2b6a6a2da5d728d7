"""The whole service on one screen: its features, the service it follows, and its processes' settings."""

from pathlib import Path
from typing import Any

from dispute_service.disputable_invoices.refusals import InvoiceRefusal
from dispute_service.disputes.history import dispute_history
from dispute_service.disputes.published import published
from dispute_service.disputes.refusals import DisputeRefusal
from dispute_service.disputes.routes import dispute_routes
from dispute_service.disputes.settlement_terms import SETTLEMENT_TERMS
from dispute_service.disputes.stream import DISPUTE
from dispute_service.postings import reactor as postings
from dispute_service.reasons.routes import reason_routes
from dispute_service.routing.refusals import MatrixRefusal
from dispute_service.routing.routes import matrix_routes
from dispute_service.settings import DisputeSettings
from dispute_service.settlement import clock as settlement_clock
from dispute_service.settlement.overdue import overdue
from dispute_service.settlement.routes import settlement_routes
from dispute_service.sla import clock
from dispute_service.sla.breach import breach
from redress.contracts import collections_events, dispute_events
from redress.contracts.envelope import PublishedEvent
from redress.handling.reactor import Reactor
from redress.handling.unit_of_work import UnitOfWork
from redress.messaging.state_publication import publishes
from redress.service.feature import Feature, FollowedService, Service, Subscription, WorkerParts
from redress.service.legal_entities import followed_legal_entities
from redress.service.policies import policies

NAME = "dispute-service"
COLLECTIONS = "collections-service"

ABOUT = """\
Disputes of accounts receivable: what a customer contests, who answers for it until when, how it ends, and every
earlier state of it. Commands are sub-resources (`POST /v1/disputes/{id}/assign`) and need `Idempotency-Key`, and
`If-Match` with the version they were decided on. Amounts are exact decimal text with an ISO 4217 code.
"""


def ledger_postings(parts: WorkerParts[Any]) -> Reactor:
    async def react(uow: UnitOfWork, event: PublishedEvent) -> None:
        await postings.react(uow, event, parts.policies)

    return Reactor(postings.NAME, NAME, parts.log, react, prepare=postings.prepare)


SERVICE = Service(
    name=NAME,
    about=ABOUT,
    about_worker="Follow the own log and collections-service, fire timers, publish to Kafka.",
    source=dispute_events.SOURCE,
    topic=dispute_events.TOPIC,
    features=(
        Feature(
            name="disputes",
            publishes=(publishes(DISPUTE, published),),
            routes=dispute_routes,
            projections=lambda: (dispute_history(),),
            refusals=(DisputeRefusal, InvoiceRefusal),
        ),
        followed_legal_entities(NAME, of=COLLECTIONS),
        Feature(name="reasons", routes=reason_routes),
        Feature(name="routing", routes=matrix_routes, refusals=(MatrixRefusal,)),
        Feature(name="sla", projections=lambda: (clock.sla_clock(),), timers={clock.KIND: breach}),
        Feature(
            name="settlement",
            routes=settlement_routes,
            projections=lambda: (settlement_clock.settlement_clock(),),
            timers={settlement_clock.KIND: overdue},
        ),
        policies((SETTLEMENT_TERMS,)),
        Feature(name="postings", follows=(Subscription(of=COLLECTIONS, handler=ledger_postings),)),
    ),
    follows={COLLECTIONS: FollowedService(collections_events.TOPIC, "collections_url")},
    settings=DisputeSettings,
    migrations=Path(__file__).parent / "migrations",
    examples=Path(__file__).parent / "examples",
)
