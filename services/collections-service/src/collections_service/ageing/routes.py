"""The ageing report over HTTP."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from starlette.responses import Response

from collections_service.ageing.report import Ageing, Basis, GroupBy, ageing
from redress.reading.moment import AskedMoment
from redress.service.feature import ApiParts
from redress.web.answers import answer
from redress.web.auth import Principal, requires
from redress.web.bodies import KnownId
from redress.web.openapi import answers

Reading = Annotated[Principal, Depends(requires("ledger:read"))]


def ageing_routes(parts: ApiParts[Any]) -> APIRouter:
    router = APIRouter(tags=["ageing"])

    @router.get("/v1/ageing", summary="How old the receivables are", response_class=Response)
    @answers(Ageing)
    async def read_ageing(  # noqa: PLR0917 - one parameter per filter
        principal: Reading,
        moment: AskedMoment,
        group_by: GroupBy = "total",
        basis: Basis = "due",
        customer_id: Annotated[KnownId | None, Query()] = None,
        legal_entity: Annotated[KnownId | None, Query()] = None,
    ) -> Response:
        """Buckets by days overdue, disputed and undisputed apart, one row per currency; buckets + unapplied = balance.

        Open as of D means issued on D or before and settled after D. Overdue by D minus due date; current up to 0.
        The buckets are those of the policy in force on D, which `policy` names.
        """
        found = await ageing(
            parts.reads,
            parts.policies,
            principal.tenant,
            moment,
            parts.clock.now(),
            group_by=group_by,
            basis=basis,
            customer_id=customer_id,
            legal_entity=legal_entity,
        )
        return answer(found)

    return router
