"""Recovery tasks over HTTP."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response

from collections_service.recovery.list import RecoveryTask, recovery_tasks
from redress.reading.keyset import Page, keyset
from redress.reading.moment import AskedMoment, only_now
from redress.service.feature import ApiParts
from redress.web.answers import answer_page
from redress.web.auth import Principal, requires
from redress.web.bodies import KnownId
from redress.web.openapi import answers
from redress.web.pages import DEFAULT_LIMIT, Cursor, Limit

Reading = Annotated[Principal, Depends(requires("ledger:read"))]


def recovery_routes(parts: ApiParts[Any]) -> APIRouter:
    router = APIRouter(tags=["recovery"])

    @router.get(
        "/v1/recovery-tasks", summary="Recovery tasks: amounts to be collected after all", response_class=Response
    )
    @answers(Page[RecoveryTask])
    async def list_recovery_tasks(  # noqa: PLR0917 - one parameter per filter
        request: Request,
        principal: Reading,
        moment: AskedMoment,
        customer_id: Annotated[KnownId | None, Query()] = None,
        done: bool | None = None,
        cursor: Cursor = None,
        limit: Limit = DEFAULT_LIMIT,
    ) -> Response:
        """Disputed amounts that were found invalid, oldest first. Only as they are now."""
        only_now(moment, instead="GET /v1/invoices/{invoice_id} for the invoice of each task")
        filters = {"customer_id": customer_id, "done": done}
        page = await recovery_tasks(
            parts.reads,
            principal.tenant,
            keyset(parts.cursors, "recovery-tasks", principal.tenant, filters, cursor, limit),
            customer_id=customer_id,
            done=done,
        )
        return answer_page(request, page.items, page.next_cursor)

    return router
