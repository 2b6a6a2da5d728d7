"""One dispute, as it is or as it was: at a version, as known at an instant, as true for an instant."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response
from msgspec import Struct
from pydantic import AwareDatetime

from dispute_service.disputes.bodies import DisputeId, dispute_of
from dispute_service.disputes.document import builtins, document
from dispute_service.disputes.state import Dispute
from dispute_service.disputes.stream import DISPUTE
from dispute_service.disputes.timeline import changes, timeline
from redress.contracts.common import Sealed
from redress.eventlog.aggregates import fold
from redress.eventlog.events import RecordedEvent
from redress.eventlog.log import EventLog
from redress.eventlog.vault import Vault
from redress.web.answers import answer, answer_version
from redress.web.auth import Principal, requires
from redress.web.pages import Limit
from redress.web.problem import FieldError, Problem, kernel_problem, not_found

Reading = Annotated[Principal, Depends(requires("disputes:read"))]
Version = Annotated[int | None, Query(ge=1, le=2**31, description="As it was at this version.")]
KnownAt = Annotated[AwareDatetime | None, Query(description="As it was known at this instant (RFC 3339).")]
AsOf = Annotated[AwareDatetime | None, Query(description="As it is true for this instant in the books.")]


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


def read_routes(log: EventLog, vault: Vault) -> APIRouter:
    router = APIRouter(tags=["disputes"])

    @router.get("/v1/disputes/{dispute_id}", response_class=Response, summary="One dispute, now or as it was")
    async def read_dispute(  # noqa: PLR0917
        request: Request,
        principal: Reading,
        dispute_id: DisputeId,
        version: Version = None,
        known_at: KnownAt = None,
        as_of: AsOf = None,
    ) -> Response:
        moment = Moment(version=version, known_at=_utc(known_at), as_of=_utc(as_of))
        found = await _at(principal, dispute_id, moment)
        body = await full_document(
            dispute_of(dispute_id), found, principal.tenant, vault, may_read_text=may_read_text(principal)
        )
        if moment.is_now:
            return answer_version(request, body, found.version)
        return answer(body)  # no ETag: a past state is nothing to decide on

    @router.get(
        "/v1/disputes/{dispute_id}/events", response_class=Response, summary="Everything that happened, in order"
    )
    async def read_events(
        principal: Reading,
        dispute_id: DisputeId,
        after: Annotated[int, Query(ge=0, le=2**31, description="Versions after this one.")] = 0,
        limit: Limit = 200,
    ) -> Response:
        events = await log.read_stream(principal.tenant, dispute_of(dispute_id))
        if not events:
            raise not_found(f"dispute {dispute_id}")
        page = events[after : after + limit]
        entries = await timeline(page, principal.tenant, vault, may_read_text=may_read_text(principal))
        more = page[-1].version if page and page[-1].version < len(events) else None
        return answer({"items": entries, "next_after": more}, version=len(events))

    @router.get("/v1/disputes/{dispute_id}/diff", response_class=Response, summary="What differs between two versions")
    async def read_diff(
        principal: Reading,
        dispute_id: DisputeId,
        from_version: Annotated[int, Query(alias="from", ge=1, le=2**31)],
        to_version: Annotated[int, Query(alias="to", ge=1, le=2**31)],
    ) -> Response:
        uuid = dispute_of(dispute_id)
        events = await log.read_stream(principal.tenant, uuid)
        sides = []
        for name, version in (("from", from_version), ("to", to_version)):
            side = shown(events[:version]) if version <= len(events) else None
            if side is None:
                if not events:
                    raise not_found(f"dispute {dispute_id}")
                raise _no_such_version(name, version, len(events))
            sides.append(builtins(document(uuid, side.version, side.state)))
        low, high = sorted((from_version, to_version))
        between = await timeline(events[low:high], principal.tenant, vault, may_read_text=may_read_text(principal))
        return answer(
            {"from": from_version, "to": to_version, "changes": changes(sides[0], sides[1]), "events": between}
        )

    async def _at(principal: Principal, dispute_id: str, moment: Moment) -> Shown:
        found = await dispute_at(log, principal.tenant, dispute_of(dispute_id), moment)
        if found is None:
            raise not_found(f"dispute {dispute_id}" + ("" if moment.is_now else " at that moment"))
        return found

    return router


def may_read_text(principal: Principal) -> bool:
    """Who works with a dispute or audits it reads what people wrote; who only administers or posts does not."""
    return "texts:read" in principal.permissions


def _utc(instant: datetime | None) -> datetime | None:
    return None if instant is None else instant.astimezone(UTC)


def _no_such_version(parameter: str, version: int, last: int) -> Problem:
    wrong = FieldError(
        None, f"the dispute has {last} versions, not {version}", f"1 to {last}", parameter=parameter, location="query"
    )
    return kernel_problem("invalid_request", "one place to correct; see errors", errors=[wrong])
