"""One dispute, as it is or as it was: at a version, as known at an instant, as true for an instant."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Literal
from uuid import UUID

import msgspec
from fastapi import APIRouter, Depends, Query, Request, Response
from msgspec import Struct

from dispute_service.disputes.bodies import DisputeId, dispute_of
from dispute_service.disputes.document import DisputeDocument, QuestionDocument, document
from dispute_service.disputes.state import Dispute
from dispute_service.disputes.stream import DISPUTE
from dispute_service.disputes.timeline import DisputeDiff, Timeline, changes, timeline
from dispute_service.settings import DisputeSettings
from redress.contracts.common import Sealed
from redress.decider import fold
from redress.eventlog.events import RecordedEvent
from redress.eventlog.log import EventLog
from redress.eventlog.vault import Vault
from redress.legal_entities.zones import zone_of_entity
from redress.reading.moment import AskedMoment, Moment
from redress.service.feature import ApiParts
from redress.web.answers import answer, answer_version
from redress.web.auth import Principal, requires
from redress.web.openapi import answers
from redress.web.pages import Limit
from redress.web.problem import FieldError, Problem, kernel_problem, not_found

Reading = Annotated[Principal, Depends(requires("disputes:read"))]
Version = Annotated[int | None, Query(ge=1, le=2**31, description="As it was at this version.")]


class QuestionView(QuestionDocument, frozen=True, kw_only=True):
    """`what` is None where it is withheld."""

    what: str | None


class ContactView(Struct, frozen=True, kw_only=True):
    """Name and e-mail address are None where they are withheld."""

    name: str | None
    email: str | None
    language: str


class DisputeView(DisputeDocument, frozen=True, kw_only=True):
    """The document with personal text for those who may read it; `withheld` names what is not shown, and why."""

    question: QuestionView | None
    description: str | None
    rationale: str | None
    contact: ContactView | None
    withheld: Mapping[str, Literal["erased", "not-permitted"]]


class DisputeSnapshot(Struct, frozen=True):
    """A dispute at a moment; `version` is of the last event that counted."""

    version: int
    state: Dispute


async def dispute_at(
    log: EventLog, tenant_id: str, dispute: UUID, moment: Moment, version: int | None = None
) -> DisputeSnapshot | None:
    """None if it does not exist, or did not at that moment. None too for a version it has not reached. The business day
    is that of the dispute's legal entity, in the zone that was known at that moment."""
    stored = await log.read_stream(tenant_id, dispute)
    before = None
    if moment.as_of is not None:
        known = snapshot([event for event in stored if event.recorded_at <= moment.recorded_by])
        entity = None if known is None else known.state.legal_entity
        before = moment.before(await zone_of_entity(log, tenant_id, entity, moment))
    events = [
        event
        for event in stored
        if (version is None or event.version <= version)
        and event.recorded_at <= moment.recorded_by
        and (before is None or event.effective_at < before)
    ]
    too_short = version is not None and before is None and len(events) < version
    return None if too_short else snapshot(events)


def snapshot(events: Sequence[RecordedEvent]) -> DisputeSnapshot | None:
    state = fold(DISPUTE, events) if events else None
    return DisputeSnapshot(events[-1].version, state) if isinstance(state, Dispute) else None


async def full_document(
    dispute: UUID, at: DisputeSnapshot, tenant_id: str, vault: Vault, *, may_read_text: bool
) -> DisputeView:
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
    plain = msgspec.structs.asdict(document(dispute, at.version, state))
    if state.question is not None:
        asked = state.question
        plain["question"] = QuestionView(asked=asked.asked, due=asked.due, what=texts.get("question"))
    return DisputeView(
        **plain,
        description=texts.get("description"),
        rationale=texts.get("rationale"),
        contact=ContactView(name=texts["contact_name"], email=texts["contact_email"], language=state.contact.language)
        if state.contact
        else None,
        withheld=dict.fromkeys(
            (name for name, text in texts.items() if text is None), "erased" if may_read_text else "not-permitted"
        ),
    )


def add_read_routes(router: APIRouter, parts: ApiParts[DisputeSettings]) -> None:
    log, vault = parts.log, parts.vault

    @router.get("/v1/disputes/{dispute_id}", response_class=Response, summary="One dispute, now or as it was")
    @answers(DisputeView, also={304: None})
    async def read_dispute(
        request: Request,
        principal: Reading,
        dispute_id: DisputeId,
        moment: AskedMoment,
        version: Version = None,
    ) -> Response:
        is_now = moment.is_now and version is None
        found = await dispute_at(log, principal.tenant, dispute_of(dispute_id), moment, version)
        if found is None:
            raise not_found(f"dispute {dispute_id}" + ("" if is_now else " at that moment"))
        body = await full_document(
            dispute_of(dispute_id), found, principal.tenant, vault, may_read_text=may_read_text(principal)
        )
        if is_now:
            return answer_version(request, body, found.version)
        return answer(body)  # no ETag: a past state is nothing to decide on

    @router.get(
        "/v1/disputes/{dispute_id}/events", response_class=Response, summary="Everything that happened, in order"
    )
    @answers(Timeline)
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
        return answer(Timeline(entries, more), version=len(events))

    @router.get("/v1/disputes/{dispute_id}/diff", response_class=Response, summary="What differs between two versions")
    @answers(DisputeDiff)
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
            side = snapshot(events[:version]) if version <= len(events) else None
            if side is None:
                if not events:
                    raise not_found(f"dispute {dispute_id}")
                raise _no_such_version(name, version, len(events))
            sides.append(document(uuid, side.version, side.state))
        low, high = sorted((from_version, to_version))
        between = await timeline(events[low:high], principal.tenant, vault, may_read_text=may_read_text(principal))
        return answer(
            DisputeDiff(
                from_version=from_version, to_version=to_version, changes=changes(sides[0], sides[1]), events=between
            )
        )


def may_read_text(principal: Principal) -> bool:
    """Who works with a dispute or audits it reads what people wrote; who only administers or posts does not."""
    return "texts:read" in principal.permissions


def _no_such_version(parameter: str, version: int, last: int) -> Problem:
    wrong = FieldError(
        None, f"the dispute has {last} versions, not {version}", f"1 to {last}", parameter=parameter, location="query"
    )
    return kernel_problem("invalid_request", "one place to correct; see errors", errors=[wrong])
