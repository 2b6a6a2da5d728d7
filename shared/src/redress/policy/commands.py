"""The commands to a policy. `at` is the time of receipt."""

from datetime import date, datetime
from typing import Any

from msgspec import Struct


class DraftPolicy(Struct, frozen=True, kw_only=True):
    at: datetime
    scope: str
    effective_from: date
    document: dict[str, Any]
    comment: str | None = None


class DiscardDraft(Struct, frozen=True, kw_only=True):
    at: datetime
    scope: str


class PublishPolicy(Struct, frozen=True, kw_only=True):
    at: datetime
    scope: str


PolicyCommand = DraftPolicy | DiscardDraft | PublishPolicy
