"""Legal entities of one company in two zones, to vary in tests."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec

from redress.contracts import collections_events
from redress.contracts.envelope import PublishedEvent
from redress.ids import new_uuid, public_id
from redress.legal_entities.events import LegalEntityDescribed, SenderIdentity, WorkingHours
from redress.legal_entities.stream import legal_entity_stream

NEW_YORK: dict[str, Any] = {
    "zone": "America/New_York",
    "calendar": {"country": "US", "subdivision": "NY", "opens": "09:00", "closes": "17:00"},
    "currency": "USD",
    "sender": {
        "name": "Redress Inc.",
        "address": ["350 Fifth Avenue", "New York, NY 10118"],
        "reply_to": "ar@redress.example",
    },
}
BERLIN: dict[str, Any] = {
    "zone": "Europe/Berlin",
    "calendar": {"country": "DE", "subdivision": "BE", "opens": "09:00", "closes": "17:00"},
    "currency": "EUR",
    "sender": {"name": "Redress GmbH"},
}


def described(code: str = "US01", body: dict[str, Any] = NEW_YORK, **fields: Any) -> LegalEntityDescribed:
    said = {**body, **fields}
    return LegalEntityDescribed(
        at=datetime(2026, 1, 2, tzinfo=UTC),
        code=code,
        zone=said["zone"],
        calendar=msgspec.convert(said["calendar"], WorkingHours),
        currency=said["currency"],
        sender=msgspec.convert(said["sender"], SenderIdentity),
    )


def changed(
    code: str = "US01", body: dict[str, Any] = NEW_YORK, *, version: int = 1, tenant: str = "demo", **fields: Any
) -> PublishedEvent:
    """As collections-service publishes it."""
    entity = msgspec.convert({"code": code, **body, **fields}, collections_events.LegalEntity)
    stream: UUID = legal_entity_stream(tenant, code)
    at = datetime(2026, 1, 2, tzinfo=UTC)
    return PublishedEvent(
        id=public_id("evt", new_uuid()),
        source=collections_events.SOURCE,
        type="legal-entity-changed",
        subject=stream,
        tenant=tenant,
        time=at,
        effective_at=at,
        seq=version,
        epoch="e",
        version=version,
        dataschema="urn:redress:legal-entity-changed:v1",
        correlation_id="c-1",
        data=msgspec.Raw(msgspec.json.encode(collections_events.LegalEntityChanged(legal_entity=entity))),
    )
