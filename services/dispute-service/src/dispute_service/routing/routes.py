"""The resolution matrix over HTTP: the one in force, every earlier one, and publishing the next."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response

from dispute_service.routing import bodies
from dispute_service.routing.commands import PublishMatrix
from dispute_service.routing.document import MatrixDocument, matrix_document
from dispute_service.routing.handle import publishing
from dispute_service.routing.matrix import AmountBand, CalendarSpec, Rule, default_matrix
from dispute_service.routing.refusals import MatrixRefusal
from dispute_service.routing.stream import MATRIX, matrix_stream
from dispute_service.settings import DisputeSettings
from redress.decider import load
from redress.handling.command import CommandContext
from redress.money import parse_money
from redress.service.feature import ApiParts
from redress.web.answers import answer
from redress.web.auth import Principal, requires
from redress.web.command_routes import command_answer, commanded
from redress.web.openapi import answers
from redress.web.problem import not_found

PATH = "/v1/policies/resolution-matrix"

Reading = Annotated[Principal, Depends(requires("policies:read"))]
Publishing = Annotated[CommandContext, Depends(commanded("policies:write", version="optional"))]


def matrix_routes(parts: ApiParts[DisputeSettings]) -> APIRouter:
    router = APIRouter(tags=["policies"])

    @router.get(PATH, response_class=Response, summary="The resolution matrix in force, or an earlier version")
    @answers(MatrixDocument, problems=["not_found"])
    async def read_matrix(
        principal: Reading,
        version: Annotated[int | None, Query(ge=0, le=2**31, description="0 is the built-in default.")] = None,
    ) -> Response:
        if version == 0:
            return answer(matrix_document(default_matrix()), version=0)
        loaded = await load(parts.log, MATRIX, principal.tenant, matrix_stream(principal.tenant), version)
        if version is not None and loaded.version != version:
            raise not_found(f"version {version} of the resolution matrix")
        return answer(matrix_document(loaded.state), version=loaded.version)

    @router.post(PATH, status_code=201, response_class=Response, summary="Publish the next resolution matrix")
    @answers(MatrixDocument, status=201, problems=[MatrixRefusal])
    async def publish_matrix(context: Publishing, body: bodies.MatrixBody) -> Response:
        """In force for decisions from now on. Due dates that were promised stay as they are."""
        command = PublishMatrix(
            at=context.now,
            rules=tuple(_rule(rule) for rule in body.rules),
            calendars={name: CalendarSpec(**spec.model_dump()) for name, spec in body.calendars.items()},
            comment=body.comment,
        )
        result = await parts.runner.run(context, publishing(context, command))
        return command_answer(result, lambda published: f"{PATH}?version={published.version}")

    return router


def _rule(body: bodies.RuleBody) -> Rule:
    band = body.band
    return Rule(
        rule_id=body.rule_id,
        reason_codes=tuple(body.reason_codes),
        legal_entities=tuple(body.legal_entities),
        band=(
            AmountBand(
                currency=band.currency,
                from_minor=None if band.at_least is None else parse_money(band.at_least, band.currency).minor,
                below_minor=None if band.below is None else parse_money(band.below, band.currency).minor,
            )
            if band
            else None
        ),
        team=body.team,
        owner=body.owner,
        backup=body.backup,
        sla_hours=body.sla_hours,
        calendar=body.calendar,
    )
