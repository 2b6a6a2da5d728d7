"""A legal entity as callers see it, written with each append."""

from datetime import datetime
from uuid import UUID

import msgspec
from msgspec import Struct

from redress.legal_entities.events import LegalEntityDescribed, SenderIdentity, WorkingHours
from redress.legal_entities.state import LegalEntity


class LegalEntityDocument(Struct, frozen=True, kw_only=True):
    """`zone` is the IANA time zone whose clocks say the entity's business day. It is so since `described_at`."""

    code: str
    version: int
    zone: str
    calendar: WorkingHours
    currency: str
    sender: SenderIdentity
    described_at: datetime


def document(_stream_id: UUID, version: int, state: LegalEntity) -> bytes | None:
    """None where nobody described it."""
    return None if state.described is None else msgspec.json.encode(document_of(version, state.described))


def document_of(version: int, described: LegalEntityDescribed) -> LegalEntityDocument:
    return LegalEntityDocument(
        code=described.code,
        version=version,
        zone=described.zone,
        calendar=described.calendar,
        currency=described.currency,
        sender=described.sender,
        described_at=described.at,
    )
