"""The recorded history of one policy of a company."""

from datetime import date, datetime
from typing import Any, Final

from msgspec import Struct

from redress.codec import Codec


class PolicyDrafted(Struct, frozen=True, kw_only=True):
    """A proposal for a scope; it replaces the scope's earlier draft and decides nothing. `scope` is empty for the whole
    company, else `customer:<id>` or `legal-entity:<code>`. `document` is in the shape of the policy's definition."""

    at: datetime
    scope: str
    effective_from: date
    document: dict[str, Any]
    comment: str | None = None


class DraftDiscarded(Struct, frozen=True, kw_only=True):
    at: datetime
    scope: str


class PolicyPublished(Struct, frozen=True, kw_only=True):
    """The scope's draft is in force from `effective_from` on. `version` counts over all scopes of the policy."""

    at: datetime
    version: int
    scope: str
    effective_from: date
    document: dict[str, Any]
    comment: str | None = None


PolicyEvent = PolicyDrafted | DraftDiscarded | PolicyPublished

# Stored names and versions. A stored name never changes.
POLICY_CODEC: Final[Codec[PolicyEvent]] = Codec(
    {
        "policy-drafted": (1, PolicyDrafted),
        "policy-draft-discarded": (1, DraftDiscarded),
        "policy-published": (1, PolicyPublished),
    }
)
