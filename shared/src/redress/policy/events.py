"""The recorded history of one policy of a company."""

from datetime import date, datetime
from typing import Any

from msgspec import Struct


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
