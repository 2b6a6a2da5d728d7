"""Stored event → published contract: the whole entity, each time."""

from uuid import UUID

from redress.contracts import collections_events as public
from redress.legal_entities.events import LegalEntityEvent
from redress.legal_entities.state import LegalEntity


def published(event: LegalEntityEvent, _stream_id: UUID, _after: LegalEntity) -> public.LegalEntityChanged:
    return public.LegalEntityChanged(
        legal_entity=public.LegalEntity(
            code=event.code,
            zone=event.zone,
            calendar=public.WorkingHours(
                country=event.calendar.country,
                subdivision=event.calendar.subdivision,
                opens=event.calendar.opens,
                closes=event.calendar.closes,
            ),
            currency=event.currency,
            sender=public.SenderIdentity(
                name=event.sender.name, address=event.sender.address, reply_to=event.sender.reply_to
            ),
        )
    )
