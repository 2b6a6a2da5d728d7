"""What the ERP is told about each of its messages."""

from msgspec import Struct


class ItemResult(Struct, frozen=True, kw_only=True):
    """`result` is accepted, duplicate, rejected or waiting. `code` and `reason` say why for all but accepted.

    `pointer` (RFC 6901) leads into the request's body where something is wrong; `waits_for` names what must come first.
    """

    index: int
    result: str
    kind: str | None = None
    source: str | None = None
    source_event_id: str | None = None
    code: str | None = None
    reason: str | None = None
    pointer: str | None = None
    waits_for: str | None = None


class Counts(Struct, frozen=True, kw_only=True):
    accepted: int = 0
    duplicate: int = 0
    rejected: int = 0
    waiting: int = 0


class BatchResult(Struct, frozen=True, kw_only=True):
    counts: Counts
    items: tuple[ItemResult, ...]
