"""The catalogue of reasons over HTTP."""

from typing import Annotated

from fastapi import APIRouter, Depends, Response
from msgspec import Struct

from dispute_service.reasons.catalogue import REASONS, RESOLUTION_CODES, ROOT_CAUSES, Reason, ResolutionCode, RootCause
from dispute_service.settings import DisputeSettings
from redress.service.feature import ApiParts
from redress.web.answers import answer
from redress.web.auth import Principal, requires
from redress.web.openapi import answers

Reading = Annotated[Principal, Depends(requires("disputes:read"))]


class ReasonCatalogue(Struct, frozen=True, kw_only=True):
    """Why an amount may be contested, what made it happen, and how a dispute can end."""

    reasons: tuple[Reason, ...] = REASONS
    root_causes: tuple[RootCause, ...] = ROOT_CAUSES
    resolution_codes: tuple[ResolutionCode, ...] = RESOLUTION_CODES


def reason_routes(_parts: ApiParts[DisputeSettings]) -> APIRouter:
    router = APIRouter(tags=["disputes"])

    @router.get("/v1/reasons", response_class=Response, summary="Reasons, root causes and resolution codes")
    @answers(ReasonCatalogue)
    async def read_reasons(_principal: Reading) -> Response:
        """With names in English and German and the crosswalk to X12 element 426 and Peppol OPStatusReason."""
        return answer(ReasonCatalogue())

    return router
