"""One dispute, as it is or as it was: at a version, as known at an instant, as true for an instant."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from msgspec import Struct

from dispute_service.disputes.state import Dispute
from dispute_service.event_log.document import builtins, document
from dispute_service.event_log.streams import DISPUTE
from redress.contracts.common import Sealed
from redress.eventlog.aggregates import fold
from redress.eventlog.events import RecordedEvent
from redress.eventlog.log import EventLog
from redress.eventlog.vault import Vault


class Moment(Struct, frozen=True, kw_only=True):
    """Which past is asked for; all None is now. `known_at` counts when it was recorded, `as_of` in the books."""

    version: int | None = None
    known_at: datetime | None = None
    as_of: datetime | None = None

    @property
    def is_now(self) -> bool:
        return self.version is None and self.known_at is None and self.as_of is None

    def has(self, event: RecordedEvent) -> bool:
        return (
            (self.version is None or event.version <= self.version)
            and (self.known_at is None or event.recorded_at <= self.known_at)
            and (self.as_of is None or event.effective_at <= self.as_of)
        )


class Shown(Struct, frozen=True):
    """A dispute at a moment; `version` is of the last event that counted."""

    version: int
    state: Dispute


async def dispute_at(log: EventLog, tenant_id: str, dispute: UUID, moment: Moment) -> Shown | None:
    """None if it does not exist, or did not at that moment. None too for a version it has not reached."""
    events = [event for event in await log.read_stream(tenant_id, dispute) if moment.has(event)]
    return None if _too_short(events, moment) else shown(events)


def _too_short(events: Sequence[RecordedEvent], moment: Moment) -> bool:
    return moment.version is not None and moment.as_of is None and len(events) < moment.version


def shown(events: Sequence[RecordedEvent]) -> Shown | None:
    state = fold(DISPUTE, events) if events else None
    return Shown(events[-1].version, state) if isinstance(state, Dispute) else None


async def full_document(
    dispute: UUID, at: Shown, tenant_id: str, vault: Vault, *, may_read_text: bool
) -> dict[str, Any]:
    """The document with personal text for those who may read it; `withheld` names what is not shown, and why."""
    state = at.state
    sealed: dict[str, Sealed | None] = {
        "description": state.description,
        "contact_name": state.contact.name if state.contact else None,
        "contact_email": state.contact.email if state.contact else None,
        "question": state.question.what if state.question else None,
        "rationale": state.rationale or (state.verdict.rationale if state.verdict else None),
    }
    boxes = {name: box for name, box in sealed.items() if box is not None}
    texts = dict.fromkeys(boxes)
    if may_read_text:
        texts = dict(zip(boxes, await vault.open_many(tenant_id, boxes.values()), strict=True))
    reason = "erased" if may_read_text else "not-permitted"
    shown_document = dict(builtins(document(dispute, at.version, state)))
    shown_document["description"] = texts.get("description")
    shown_document["rationale"] = texts.get("rationale")
    if shown_document["question"] is not None:
        shown_document["question"] = {**shown_document["question"], "what": texts.get("question")}
    shown_document["contact"] = (
        {"name": texts["contact_name"], "email": texts["contact_email"], "language": state.contact.language}
        if state.contact
        else None
    )
    shown_document["withheld"] = {name: reason for name, text in texts.items() if text is None}
    return shown_document
