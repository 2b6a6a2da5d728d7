"""Questions to the ledger: customers, invoices, holds, ageing, collection tasks."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request
from starlette.responses import Response

from collections_service.api.moments import AsOf, KnownAt, asked_moment, moment
from collections_service.api.parts import Parts
from collections_service.queries.ageing import Basis, GroupBy, ageing
from collections_service.queries.customers import customer
from collections_service.queries.holds import holds
from collections_service.queries.invoices import invoice, invoices
from collections_service.queries.recollection_tasks import recollection_tasks
from redress.web.answers import answer, answer_page, answer_version
from redress.web.auth import Principal, requires
from redress.web.pages import DEFAULT_LIMIT, Cursor, Limit, filters_hash
from redress.web.problem import not_found

Reader = Annotated[Principal, Depends(requires("ledger:read"))]
HoldsReader = Annotated[Principal, Depends(requires("holds:read"))]
CustomerFilter = Annotated[str | None, Query(max_length=100)]
Name = Annotated[str, Path(max_length=100)]


def ledger_routes(parts: Parts) -> APIRouter:
    router = APIRouter(tags=["ledger"])

    @router.get("/v1/customers/{customer_id}", summary="A customer's position", response_class=Response)
    async def read_customer(
        customer_id: Name, principal: Reader, as_of: AsOf = None, known_at: KnownAt = None
    ) -> Response:
        """Open, disputed, undisputed, overdue and unapplied, one position per currency, never two added together."""
        asked = moment(as_of, known_at, parts.clock.now())
        found = await customer(parts.pool, parts.vault, principal.tenant, customer_id, asked)
        if found is None:
            raise not_found(f"customer {customer_id}")
        return answer(found)

    @router.get("/v1/invoices/{invoice_id}", summary="One invoice", response_class=Response)
    async def read_invoice(
        *, request: Request, invoice_id: Name, principal: Reader, as_of: AsOf = None, known_at: KnownAt = None
    ) -> Response:
        """Now, or at the end of a business day, or as it was known at an instant."""
        asked = moment(as_of, known_at, parts.clock.now())
        found = await invoice(parts.log, principal.tenant, invoice_id, asked)
        if found is None:
            raise not_found(f"invoice {invoice_id}")
        if as_of is not None or known_at is not None:
            return answer(found, version=found.version)
        return answer_version(request, found, found.version)

    @router.get("/v1/invoices", summary="Invoices by their number", response_class=Response)
    async def list_invoices(
        *,
        request: Request,
        principal: Reader,
        customer_id: CustomerFilter = None,
        is_open: Annotated[bool | None, Query(alias="open", description="Something of it is still open.")] = None,
        as_of: AsOf = None,
        known_at: KnownAt = None,
        cursor: Cursor = None,
        limit: Limit = DEFAULT_LIMIT,
    ) -> Response:
        now = parts.clock.now()
        asked = {"customer_id": customer_id, "open": is_open, "as_of": as_of, "known_at": known_at}
        filters = filters_hash("invoices", principal.tenant, asked)
        items = await invoices(
            parts.pool,
            principal.tenant,
            asked_moment(as_of, known_at, now),
            today=now.date(),
            customer_id=customer_id,
            is_open=is_open,
            after=_after(parts, cursor, filters),
            limit=limit,
        )
        return answer_page(request, items, _next(parts, [i.invoice_id for i in items], limit, filters))

    @router.get("/v1/holds", summary="What must not be chased", response_class=Response)
    async def list_holds(
        *,
        request: Request,
        principal: HoldsReader,
        customer_id: CustomerFilter = None,
        as_of: AsOf = None,
        known_at: KnownAt = None,
        cursor: Cursor = None,
        limit: Limit = DEFAULT_LIMIT,
    ) -> Response:
        """How much of each invoice is held by which dispute, and how much of it may still be collected."""
        asked = {"customer_id": customer_id, "as_of": as_of, "known_at": known_at}
        filters = filters_hash("holds", principal.tenant, asked)
        items = await holds(
            parts.pool,
            principal.tenant,
            asked_moment(as_of, known_at, parts.clock.now()),
            customer_id=customer_id,
            after=_after(parts, cursor, filters),
            limit=limit,
        )
        return answer_page(request, items, _next(parts, [i.invoice_id for i in items], limit, filters))

    @router.get("/v1/ageing", summary="How old the receivables are", response_class=Response)
    async def read_ageing(
        *,
        principal: Reader,
        as_of: AsOf = None,
        known_at: KnownAt = None,
        group_by: GroupBy = "total",
        basis: Basis = "due",
        customer_id: CustomerFilter = None,
    ) -> Response:
        """Buckets by days overdue, disputed and undisputed apart, one row per currency; buckets + unapplied = balance.

        Open as of D means issued on D or before and settled after D. Overdue by D minus due date; current up to 0.
        """
        asked = moment(as_of, known_at, parts.clock.now())
        found = await ageing(
            parts.pool, principal.tenant, asked, group_by=group_by, basis=basis, customer_id=customer_id
        )
        return answer(found)

    @router.get("/v1/recollection-tasks", summary="What is to be collected again", response_class=Response)
    async def list_recollection_tasks(
        *,
        request: Request,
        principal: Reader,
        customer_id: CustomerFilter = None,
        done: bool | None = None,
        cursor: Cursor = None,
        limit: Limit = DEFAULT_LIMIT,
    ) -> Response:
        """Disputed amounts that were found invalid, oldest first."""
        filters = filters_hash("recollection-tasks", principal.tenant, {"customer_id": customer_id, "done": done})
        after = 0 if cursor is None else int(parts.cursors.decode(cursor, filters)[0] or 0)
        items = await recollection_tasks(
            parts.pool, principal.tenant, customer_id=customer_id, done=done, after=after, limit=limit
        )
        return answer_page(request, items, _next(parts, [i.seq for i in items], limit, filters))

    return router


def _after(parts: Parts, cursor: str | None, filters: bytes) -> str | None:
    return None if cursor is None else str(parts.cursors.decode(cursor, filters)[0])


def _next(parts: Parts, keys: list[str] | list[int], limit: int, filters: bytes) -> str | None:
    """The cursor after the last row of a full page. A last page that is just full is followed by an empty one."""
    return parts.cursors.encode([keys[-1]], filters) if len(keys) == limit else None
