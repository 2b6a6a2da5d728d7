"""The feature of a service that follows the legal entities of another one: their zones, calendars and senders."""

from typing import Any

from redress.handling.reactor import Reactor
from redress.legal_entities import following
from redress.legal_entities.stream import legal_entity_history
from redress.service.feature import Feature, Subscription, WorkerParts


def followed_legal_entities(service: str, *, of: str) -> Feature:
    """`service` keeps what `of` publishes about them."""

    def reactor(parts: WorkerParts[Any]) -> Reactor:
        return Reactor(following.NAME, service, parts.log, following.react, prepare=following.prepare)

    return Feature(
        name="legal_entities",
        projections=lambda: (legal_entity_history(),),
        follows=(Subscription(of=of, handler=reactor),),
    )
