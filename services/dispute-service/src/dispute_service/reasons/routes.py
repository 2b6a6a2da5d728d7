"""The catalogue of reasons over HTTP."""

from typing import Annotated

from fastapi import APIRouter, Depends, Response

from dispute_service.reasons.catalogue import REASONS, RESOLUTION_CODES, ROOT_CAUSES
from redress.web.answers import answer
from redress.web.auth import Principal, requires

Reading = Annotated[Principal, Depends(requires("disputes:read"))]


def reason_routes() -> APIRouter:
    router = APIRouter(tags=["disputes"])

    @router.get("/v1/reasons", response_class=Response, summary="Reasons, root causes and resolution codes")
    async def read_reasons(_principal: Reading) -> Response:
        """With names in English and German and the crosswalk to X12 element 426 and Peppol OPStatusReason."""
        return answer({"reasons": REASONS, "root_causes": ROOT_CAUSES, "resolution_codes": RESOLUTION_CODES})

    return router
