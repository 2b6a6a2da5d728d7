"""Questions over HTTP: lists, one dispute now and then, its timeline, and what changed."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import AwareDatetime

from dispute_service.api.bodies import VISIBLE
from dispute_service.api.commands import DisputeId, dispute_of
from dispute_service.api.parts import ApiParts
from dispute_service.disputes.state import Status
from dispute_service.event_log.document import builtins, document
from dispute_service.policies.reasons import REASON_BY_CODE, REASONS, RESOLUTION_CODES, ROOT_CAUSES
from dispute_service.queries.dispute_lists import SORTS, Wanted
from dispute_service.queries.one_dispute import Moment, Shown, dispute_at, full_document, shown
from dispute_service.queries.timeline import changes, timeline
from redress.web.answers import answer, answer_page, answer_version
from redress.web.auth import Principal, requires
from redress.web.pages import DEFAULT_LIMIT, Cursor, Limit
from redress.web.problem import FieldError, Problem, kernel_problem, not_found

Reading = Annotated[Principal, Depends(requires("disputes:read"))]

Id = Annotated[str | None, Query(min_length=1, max_length=200, pattern=VISIBLE)]
Version = Annotated[int | None, Query(ge=1, le=2**31, description="As it was at this version.")]
KnownAt = Annotated[AwareDatetime | None, Query(description="As it was known at this instant (RFC 3339).")]
AsOf = Annotated[AwareDatetime | None, Query(description="As it is true for this instant in the books.")]


def query_routes(parts: ApiParts) -> APIRouter:  # noqa: C901 - one function per route
    router = APIRouter(tags=["disputes"])

    @router.get("/v1/disputes", response_class=Response, summary="A list, now or as known at a past instant")
    async def list_disputes(  # noqa: PLR0917 - one parameter per filter
        request: Request,
        principal: Reading,
        status: Annotated[list[Status] | None, Query(max_length=10)] = None,
        reason_code: Annotated[list[str] | None, Query(max_length=21)] = None,
        customer_id: Id = None,
        owner: Id = None,
        team: Id = None,
        invoice_id: Id = None,
        q: Annotated[
            str | None, Query(min_length=1, max_length=100, pattern=VISIBLE, description="Words; all must occur.")
        ] = None,
        sort: Annotated[str, Query(description=f"One of {', '.join(SORTS)}.")] = "-opened_at",
        known_at: KnownAt = None,
        cursor: Cursor = None,
        limit: Limit = DEFAULT_LIMIT,
    ) -> Response:
        """`q` searches dispute, customer and invoice numbers, the payer's reason, owner and team."""
        _listed("sort", sort, tuple(SORTS))
        for code in reason_code or ():
            _listed("reason_code", code, tuple(REASON_BY_CODE))
        wanted = Wanted(
            statuses=tuple(status or ()),
            reason_codes=tuple(reason_code or ()),
            customer_id=customer_id,
            owner=owner,
            team=team,
            invoice_id=invoice_id,
            words=q,
            sort=sort,
            known_at=_utc(known_at),
        )
        page = await parts.lists.page(principal.tenant, wanted, cursor, limit)
        return answer_page(request, page.items, page.next_cursor)

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
            dispute_of(dispute_id), found, principal.tenant, parts.vault, may_read_text=may_read_text(principal)
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
        events = await parts.log.read_stream(principal.tenant, dispute_of(dispute_id))
        if not events:
            raise not_found(f"dispute {dispute_id}")
        page = events[after : after + limit]
        entries = await timeline(page, principal.tenant, parts.vault, may_read_text=may_read_text(principal))
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
        events = await parts.log.read_stream(principal.tenant, uuid)
        sides = []
        for name, version in (("from", from_version), ("to", to_version)):
            side = shown(events[:version]) if version <= len(events) else None
            if side is None:
                if not events:
                    raise not_found(f"dispute {dispute_id}")
                raise _no_such_version(name, version, len(events))
            sides.append(builtins(document(uuid, side.version, side.state)))
        low, high = sorted((from_version, to_version))
        between = await timeline(
            events[low:high], principal.tenant, parts.vault, may_read_text=may_read_text(principal)
        )
        return answer(
            {"from": from_version, "to": to_version, "changes": changes(sides[0], sides[1]), "events": between}
        )

    @router.get("/v1/reasons", response_class=Response, summary="Reasons, root causes and resolution codes")
    async def read_reasons(_principal: Reading) -> Response:
        """With names in English and German and the crosswalk to X12 element 426 and Peppol OPStatusReason."""
        return answer({"reasons": REASONS, "root_causes": ROOT_CAUSES, "resolution_codes": RESOLUTION_CODES})

    async def _at(principal: Principal, dispute_id: str, moment: Moment) -> Shown:
        found = await dispute_at(parts.log, principal.tenant, dispute_of(dispute_id), moment)
        if found is None:
            raise not_found(f"dispute {dispute_id}" + ("" if moment.is_now else " at that moment"))
        return found

    return router


def may_read_text(principal: Principal) -> bool:
    """Who works with a dispute or audits it reads what people wrote; who only administers or posts does not."""
    return "texts:read" in principal.permissions


def _utc(instant: datetime | None) -> datetime | None:
    return None if instant is None else instant.astimezone(UTC)


def _listed(parameter: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        wrong = FieldError(None, f"{value[:60]!r} is not known here", allowed, parameter=parameter, location="query")
        raise kernel_problem("invalid_request", "one place to correct; see errors", errors=[wrong])


def _no_such_version(parameter: str, version: int, last: int) -> Problem:
    wrong = FieldError(
        None, f"the dispute has {last} versions, not {version}", f"1 to {last}", parameter=parameter, location="query"
    )
    return kernel_problem("invalid_request", "one place to correct; see errors", errors=[wrong])
