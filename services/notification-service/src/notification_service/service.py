"""The whole service on one screen: its features, the services it follows, and its processes' settings."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from notification_service.directory.refusals import DirectoryRefusal
from notification_service.directory.routes import directory_routes
from notification_service.dispute_notices.kit import DISPUTE_NOTICES
from notification_service.inbox.kit import NoticeKit
from notification_service.inbox.reactor import notices_reactor
from notification_service.inbox.received_events import ReceivedEvents
from notification_service.inbox.routes import why_routes
from notification_service.inbox.sources import EventSource
from notification_service.notices.plan import Rules
from notification_service.notifications.policy import SENDING
from notification_service.notifications.published import published
from notification_service.notifications.routes import notification_routes
from notification_service.notifications.stream import NOTIFICATION
from notification_service.sending.sender import sender_part
from notification_service.settings import NotificationSettings
from redress.contracts import collections_events, dispute_events, notification_events
from redress.contracts.envelope import PublishedEvent
from redress.handling.reactor import Reactor
from redress.messaging.state_publication import publishes
from redress.ops.run import Part
from redress.projections.projection import Projection
from redress.service.feature import Feature, FollowedService, Service, Subscription, WorkerParts
from redress.service.legal_entities import followed_legal_entities
from redress.service.policies import policies

NAME = "notification-service"
COLLECTIONS = "collections-service"

ABOUT = """\
Who is told what about a dispute, in which language, once, and the reason for every notice that was not sent.
"""

OTHERS = {
    "dispute-service": FollowedService(dispute_events.TOPIC, "dispute_url"),
    COLLECTIONS: FollowedService(collections_events.TOPIC, "collections_url"),
}


def service_of(kits: Sequence[NoticeKit]) -> Service[NotificationSettings]:
    """The service that sends the notices of these kits."""
    rules = Rules(rule for kit in kits for rule in kit.rules)
    followed = dict.fromkeys([*(kit.source.service for kit in kits), COLLECTIONS])
    return Service(
        name=NAME,
        about=ABOUT,
        about_worker=f"Follow {', '.join(followed)}, queue notifications and send them.",
        source=notification_events.SOURCE,
        topic=notification_events.TOPIC,
        features=(
            # Before the notifications: their route of one id would take `why` for one.
            Feature(
                name="inbox",
                routes=lambda parts: why_routes(parts, rules),
                follows=tuple(_follows(kits, rules)),
            ),
            Feature(name="notifications", publishes=(publishes(NOTIFICATION, published),), routes=notification_routes),
            Feature(name="sending", parts=partial(_sender, kits)),
            followed_legal_entities(NAME, of=COLLECTIONS),
            Feature(name="directory", routes=directory_routes, refusals=(DirectoryRefusal,)),
            policies((rules.policy, SENDING)),
        ),
        follows={name: OTHERS[name] for name in followed},
        settings=NotificationSettings,
        migrations=Path(__file__).parent / "migrations",
        examples=Path(__file__).parent / "examples",
        needed_by_worker=("smtp_host", "mail_from"),
    )


def _sender(kits: Sequence[NoticeKit], parts: WorkerParts[NotificationSettings]) -> Sequence[Part]:
    settings = parts.settings
    return [sender_part(NAME, kits, parts, server=settings.mail_server, sender=settings.sender)]


def _follows(kits: Sequence[NoticeKit], rules: Rules) -> Iterator[Subscription]:
    """One reactor and one list of received events per followed service, however many kits speak about its events."""
    for source in {kit.source.service: kit.source for kit in kits}.values():
        yield Subscription(of=source.service, handler=partial(_notices, source, rules))
        yield _read_model(source.service, partial(ReceivedEvents, source))
    for kit in kits:
        yield from (_read_model(kit.source.service, states) for states in kit.states)


def _notices(source: EventSource[Any], rules: Rules, parts: WorkerParts[Any]) -> Reactor:
    return notices_reactor(NAME, source, rules, log=parts.log, vault=parts.vault, policies=parts.policies)


def _read_model(of: str, build: Callable[[], Projection[PublishedEvent]]) -> Subscription:
    return Subscription(of=of, handler=lambda _parts: build(), rebuilt_as=build)


SERVICE = service_of((DISPUTE_NOTICES,))
