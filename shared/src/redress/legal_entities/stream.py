"""The decider of a legal entity, the id of its stream, and its versions as lists find them."""

from typing import Final
from uuid import UUID

from redress.decider import Decider
from redress.ids import derived_uuid
from redress.legal_entities.document import document
from redress.legal_entities.events import LEGAL_ENTITY_CODEC, LegalEntityEvent
from redress.legal_entities.state import LegalEntity, evolve
from redress.projections.version_history import VersionHistory

LEGAL_ENTITY: Final[Decider[LegalEntity, LegalEntityEvent]] = Decider(
    stream_type="legal-entity",
    initial=LegalEntity(),
    evolve=evolve,
    codec=LEGAL_ENTITY_CODEC,
    document=document,
    dated=True,
)


def legal_entity_stream(tenant_id: str, code: str) -> UUID:
    return derived_uuid("legal-entity", tenant_id, code)


def legal_entity_history() -> VersionHistory[LegalEntity, LegalEntityEvent]:
    """Every version, for answers as known at a past instant: `read.legal_entity_history`."""
    return VersionHistory(LEGAL_ENTITY, name="legal-entity-history", table="legal_entity_history")
