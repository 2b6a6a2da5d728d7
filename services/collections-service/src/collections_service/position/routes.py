"""A customer's position over HTTP."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path
from starlette.responses import Response

from collections_service.position.customer import Customer, customer
from redress.reading.moment import AskedMoment
from redress.service.feature import ApiParts
from redress.web.answers import answer
from redress.web.auth import Principal, requires
from redress.web.bodies import KnownId
from redress.web.openapi import answers
from redress.web.problem import not_found

Reading = Annotated[Principal, Depends(requires("ledger:read"))]


def position_routes(parts: ApiParts[Any]) -> APIRouter:
    router = APIRouter(tags=["customers"])

    @router.get("/v1/customers/{customer_id}", summary="A customer's position", response_class=Response)
    @answers(Customer)
    async def read_customer(
        customer_id: Annotated[KnownId, Path()], principal: Reading, moment: AskedMoment
    ) -> Response:
        """Open, disputed, undisputed, overdue and unapplied, one position per currency, never two added together."""
        found = await customer(
            parts.reads, parts.policies, parts.vault, principal.tenant, customer_id, moment, parts.clock.now()
        )
        if found is None:
            raise not_found(f"customer {customer_id}")
        return answer(found)

    return router
