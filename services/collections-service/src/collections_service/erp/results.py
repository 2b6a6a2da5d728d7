"""The answer to the ERP about each of its messages."""

from msgspec import UNSET, Struct, UnsetType


class ItemResult(Struct, frozen=True, kw_only=True):
    """`result` is accepted, duplicate, rejected, waiting or received. `code` and `reason` say why for all but accepted.

    A message that is only received is kept, and taken later by itself: something failed that is not its sender's fault.

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
    """`received` is there only if something failed."""

    accepted: int = 0
    duplicate: int = 0
    rejected: int = 0
    waiting: int = 0
    received: int | UnsetType = UNSET


class BatchResult(Struct, frozen=True, kw_only=True):
    counts: Counts
    items: tuple[ItemResult, ...]
