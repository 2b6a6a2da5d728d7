"""Published dispute events as dispute-service would send them, with contacts that a real vault can open."""

from datetime import datetime

import msgspec
from msgspec import Raw, structs
from support.notification_examples import NOON, SUMMARY, eur

from redress.contracts.catalogue import dataschema
from redress.contracts.common import Sealed, SealedContact
from redress.contracts.dispute_events import SOURCE, DisputeEvent, DisputeSummary
from redress.contracts.envelope import PublishedEvent
from redress.eventlog.vault import Vault
from redress.ids import derived_uuid, public_id


async def contact(vault: Vault, name: str, email: str, language: str, tenant: str = "demo") -> SealedContact:
    person = vault.person_of_email(tenant, email)
    return SealedContact(
        name=await vault.seal(tenant, person, name), email=await vault.seal(tenant, person, email), language=language
    )


async def question(vault: Vault, text: str, tenant: str = "demo") -> Sealed:
    return await vault.seal(tenant, "customer:C-100", text)


def dispute(number: int = 1, **changes: object) -> DisputeSummary:
    """A dispute; each number is another one."""
    dispute_id = public_id("dsp", derived_uuid("test-dispute", str(number)))
    return structs.replace(SUMMARY, **{"dispute_id": dispute_id, "contact": None, **changes})


def resolved(summary: DisputeSummary, code: str = "CREDIT_FULL") -> DisputeSummary:
    return structs.replace(summary, status="resolved", resolution_code=code, open=eur("0.00"))


def published(
    event: DisputeEvent,
    version: int = 1,
    *,
    tenant: str = "demo",
    at: datetime = NOON,
    effective_at: datetime | None = None,
) -> PublishedEvent:
    """The event as it comes in. The same event and version is the same delivery again."""
    name = str(type(event).__struct_config__.tag)
    dispute_id = event.dispute.dispute_id
    return PublishedEvent(
        id=public_id("evt", derived_uuid("test-event", tenant, dispute_id, str(version), name)),
        source=SOURCE,
        type=name,
        subject=derived_uuid("test-stream", tenant, dispute_id),
        tenant=tenant,
        time=at,
        effective_at=effective_at or at,
        seq=version,
        epoch="e",
        version=version,
        dataschema=dataschema(name),
        correlation_id="r-1",
        data=Raw(msgspec.json.encode(event)),
        traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    )
