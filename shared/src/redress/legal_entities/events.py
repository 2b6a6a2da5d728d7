"""What is said of a legal entity: the same in the service that owns it and in those that follow."""

from datetime import datetime
from typing import Final

from msgspec import Struct

from redress.codec import Codec


class WorkingHours(Struct, frozen=True, kw_only=True):
    """The working days of a country (ISO 3166-1 alpha-2) or of a part of it, from `opens` to `closes` (HH:MM) by the
    clocks of the entity's zone."""

    country: str
    subdivision: str | None = None
    opens: str
    closes: str


class SenderIdentity(Struct, frozen=True, kw_only=True):
    """As whom it writes: name and address under its mails, and where answers go. None: to the sender's own address."""

    name: str
    address: tuple[str, ...] = ()
    reply_to: str | None = None


class LegalEntityDescribed(Struct, frozen=True, kw_only=True):
    """The whole legal entity, as it is from `at` on. `zone` is a name of the IANA database, `currency` the one it keeps
    its books in."""

    at: datetime
    code: str
    zone: str
    calendar: WorkingHours
    currency: str
    sender: SenderIdentity


LegalEntityEvent = LegalEntityDescribed

# Stored names and versions. A stored name never changes.
LEGAL_ENTITY_CODEC: Final[Codec[LegalEntityEvent]] = Codec(
    {
        "legal-entity-described": (1, LegalEntityDescribed),
    }
)
