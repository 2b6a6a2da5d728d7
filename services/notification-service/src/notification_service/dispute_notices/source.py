"""The source of dispute events."""

from notification_service.dispute_notices.rules import SERVICE
from notification_service.inbox.sources import EventSource
from notification_service.notices.notice import DISPUTE, Subject
from redress.contracts.dispute_events import DisputeEvent


def _subject(event: DisputeEvent) -> Subject:
    return Subject(DISPUTE, event.dispute.dispute_id)


def _legal_entity(event: DisputeEvent) -> str | None:
    return event.dispute.legal_entity


DISPUTE_EVENTS: EventSource[DisputeEvent] = EventSource(SERVICE, DisputeEvent, _subject, _legal_entity)
