"""Invoices over HTTP."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Request
from starlette.responses import Response

from collections_service.open_items.list import ListedInvoice, invoices
from collections_service.open_items.read import Invoice, invoice
from collections_service.open_items.refusals import AmbiguousInvoice
from redress.reading.keyset import Page, keyset
from redress.reading.moment import AskedMoment
from redress.service.feature import ApiParts
from redress.web.answers import answer, answer_page, answer_version
from redress.web.auth import Principal, requires
from redress.web.bodies import KnownId
from redress.web.openapi import answers
from redress.web.pages import DEFAULT_LIMIT, Cursor, Limit
from redress.web.problem import not_found

Reading = Annotated[Principal, Depends(requires("ledger:read"))]


def invoice_routes(parts: ApiParts[Any]) -> APIRouter:
    router = APIRouter(tags=["invoices"])

    @router.get("/v1/invoices/{invoice_id}", summary="One invoice", response_class=Response)
    @answers(Invoice, problems=[AmbiguousInvoice])
    async def read_invoice(
        request: Request,
        invoice_id: Annotated[KnownId, Path()],
        principal: Reading,
        moment: AskedMoment,
        legal_entity: Annotated[KnownId | None, Query(description="Whose invoice it is.")] = None,
    ) -> Response:
        """Now, or at the end of a business day, or as it was known at an instant.

        `legal_entity` may be left out where one entity only has the number; else 409 names those that have it.
        """
        found = await invoice(parts.log, principal.tenant, invoice_id, legal_entity, moment, parts.clock.now())
        if found is None:
            raise not_found(f"invoice {invoice_id}" + ("" if legal_entity is None else f" of {legal_entity}"))
        if moment.is_now:
            return answer_version(request, found, found.version)
        return answer(found, version=found.version)

    @router.get("/v1/invoices", summary="Invoices by their number", response_class=Response)
    @answers(Page[ListedInvoice])
    async def list_invoices(  # noqa: PLR0917 - one parameter per filter
        request: Request,
        principal: Reading,
        moment: AskedMoment,
        customer_id: Annotated[KnownId | None, Query()] = None,
        legal_entity: Annotated[KnownId | None, Query()] = None,
        is_open: Annotated[bool | None, Query(alias="open", description="Something of it is still open.")] = None,
        cursor: Cursor = None,
        limit: Limit = DEFAULT_LIMIT,
    ) -> Response:
        filters = {
            "customer_id": customer_id,
            "legal_entity": legal_entity,
            "open": is_open,
            "as_of": moment.as_of,
            "known_at": moment.known_at,
        }
        page = await invoices(
            parts.reads,
            principal.tenant,
            moment,
            parts.clock.now(),
            keyset(parts.cursors, "invoices", principal.tenant, filters, cursor, limit),
            customer_id=customer_id,
            legal_entity=legal_entity,
            is_open=is_open,
        )
        return answer_page(request, page.items, page.next_cursor)

    return router
