"""Holds over HTTP."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response

from collections_service.dispute_holds.list import HeldInvoice, holds
from redress.reading.keyset import Page, keyset
from redress.reading.moment import AskedMoment
from redress.service.feature import ApiParts
from redress.web.answers import answer_page
from redress.web.auth import Principal, requires
from redress.web.bodies import KnownId
from redress.web.openapi import answers
from redress.web.pages import DEFAULT_LIMIT, Cursor, Limit

Reading = Annotated[Principal, Depends(requires("holds:read"))]


def hold_routes(parts: ApiParts[Any]) -> APIRouter:
    router = APIRouter(tags=["holds"])

    @router.get("/v1/holds", summary="Held amounts, which must not be chased", response_class=Response)
    @answers(Page[HeldInvoice])
    async def list_holds(  # noqa: PLR0917 - one parameter per filter
        request: Request,
        principal: Reading,
        moment: AskedMoment,
        customer_id: Annotated[KnownId | None, Query()] = None,
        legal_entity: Annotated[KnownId | None, Query()] = None,
        cursor: Cursor = None,
        limit: Limit = DEFAULT_LIMIT,
    ) -> Response:
        """How much of each invoice is held by which dispute, and how much of it may still be collected."""
        filters = {
            "customer_id": customer_id,
            "legal_entity": legal_entity,
            "as_of": moment.as_of,
            "known_at": moment.known_at,
        }
        page = await holds(
            parts.reads,
            principal.tenant,
            moment,
            parts.clock.now(),
            keyset(parts.cursors, "holds", principal.tenant, filters, cursor, limit),
            customer_id=customer_id,
            legal_entity=legal_entity,
        )
        return answer_page(request, page.items, page.next_cursor)

    return router
