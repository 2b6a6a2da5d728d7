"""Keeps what another service's `legal-entity-changed` says, as facts of the own log. They are never refused."""

from collections.abc import Sequence
from typing import Final

import msgspec

from redress.contracts.collections_events import LegalEntityChanged
from redress.contracts.envelope import PublishedEvent
from redress.handling.unit_of_work import UnitOfWork
from redress.legal_entities.events import LegalEntityDescribed, SenderIdentity, WorkingHours
from redress.legal_entities.state import describe
from redress.legal_entities.stream import LEGAL_ENTITY, legal_entity_stream

NAME: Final = "legal-entities"  # of the checkpoint, for ever
_decoder: Final = msgspec.json.Decoder(LegalEntityChanged)


def described(published: PublishedEvent) -> LegalEntityDescribed | None:
    """What it says of a legal entity; None for an event of another type."""
    if published.type != "legal-entity-changed":
        return None
    said = _decoder.decode(published.data).legal_entity
    return LegalEntityDescribed(
        at=published.effective_at,
        code=said.code,
        zone=said.zone,
        calendar=WorkingHours(
            country=said.calendar.country,
            subdivision=said.calendar.subdivision,
            opens=said.calendar.opens,
            closes=said.calendar.closes,
        ),
        currency=said.currency,
        sender=SenderIdentity(name=said.sender.name, address=said.sender.address, reply_to=said.sender.reply_to),
    )


async def prepare(uow: UnitOfWork, events: Sequence[PublishedEvent]) -> None:
    """Read the entities of a whole batch at once."""
    said = [each for event in events if (each := described(event)) is not None]
    await uow.load(LEGAL_ENTITY, (legal_entity_stream(uow.tenant, each.code) for each in said))


async def react(uow: UnitOfWork, event: PublishedEvent) -> None:
    said = described(event)
    if said is None:
        return
    stream = legal_entity_stream(uow.tenant, said.code)
    uow.record(LEGAL_ENTITY, stream, describe(said, await uow.state(LEGAL_ENTITY, stream)))
