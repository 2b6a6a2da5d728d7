"""The whole service on one screen: its features, the service it follows, and its processes' settings."""

from pathlib import Path
from typing import Any

from collections_service.ageing.buckets import AGEING_BUCKETS
from collections_service.ageing.movements import Movements
from collections_service.ageing.routes import ageing_routes
from collections_service.dispute_holds import reactor as dispute_holds
from collections_service.dispute_holds.routes import hold_routes
from collections_service.erp.routes import MAX_BODY_BYTES, erp_routes
from collections_service.erp.worker import CACHED_STATES, erp_parts, erp_topics
from collections_service.legal_entities import published as legal_entities
from collections_service.legal_entities.refusals import LegalEntityRefusal
from collections_service.legal_entities.routes import legal_entity_routes
from collections_service.open_items import published as open_items
from collections_service.open_items.refusals import AmbiguousInvoice, RecoveryTaskRefusal
from collections_service.open_items.routes import invoice_routes
from collections_service.open_items.stream import INVOICE
from collections_service.position.routes import position_routes
from collections_service.receipts import published as receipts
from collections_service.receipts.stream import RECEIPT
from collections_service.recovery.routes import recovery_routes
from collections_service.recovery.tasks import RecoveryTasks
from collections_service.settings import CollectionsSettings
from collections_service.short_payments.tolerance import SHORT_PAYMENT_TOLERANCE
from redress.contracts import collections_events, dispute_events
from redress.handling.reactor import Reactor
from redress.legal_entities.stream import LEGAL_ENTITY, legal_entity_history
from redress.messaging.state_publication import publishes
from redress.service.feature import Feature, FollowedService, Service, Subscription, WorkerParts
from redress.service.policies import policies

NAME = "collections-service"
DISPUTES = "dispute-service"

ABOUT = """\
The ledger of open items and receipts, fed by the ERP and by disputes.

The ERP posts, this service mirrors, proposes and instructs. Only the disputed part of an invoice is held.
"""


def dispute_holds_reactor(parts: WorkerParts[Any]) -> Reactor:
    return Reactor(dispute_holds.NAME, NAME, parts.log, dispute_holds.react, prepare=dispute_holds.prepare)


SERVICE = Service(
    name=NAME,
    about=ABOUT,
    about_worker="Build the read models, follow dispute-service and the ERP's topics, publish to Kafka.",
    source=collections_events.SOURCE,
    topic=collections_events.TOPIC,
    features=(
        Feature(
            name="open_items",
            publishes=(publishes(INVOICE, open_items.published),),
            routes=invoice_routes,
            refusals=(AmbiguousInvoice,),
        ),
        Feature(name="receipts", publishes=(publishes(RECEIPT, receipts.published),)),
        Feature(name="erp", routes=erp_routes, topics=erp_topics, parts=erp_parts),
        Feature(
            name="dispute_holds",
            routes=hold_routes,
            follows=(Subscription(of=DISPUTES, handler=dispute_holds_reactor),),
        ),
        Feature(name="ageing", routes=ageing_routes, projections=lambda: (Movements(),)),
        Feature(name="position", routes=position_routes),
        Feature(
            name="legal_entities",
            publishes=(publishes(LEGAL_ENTITY, legal_entities.published),),
            routes=legal_entity_routes,
            projections=lambda: (legal_entity_history(),),
            refusals=(LegalEntityRefusal,),
        ),
        Feature(
            name="recovery",
            routes=recovery_routes,
            projections=lambda: (RecoveryTasks(),),
            refusals=(RecoveryTaskRefusal,),
        ),
        policies((SHORT_PAYMENT_TOLERANCE, AGEING_BUCKETS)),
    ),
    follows={DISPUTES: FollowedService(dispute_events.TOPIC, "dispute_url")},
    settings=CollectionsSettings,
    migrations=Path(__file__).parent / "migrations",
    examples=Path(__file__).parent / "examples",
    max_body_bytes=MAX_BODY_BYTES,
    cached_states=CACHED_STATES,
)
