"""The resolution matrix over HTTP: the one in force, every earlier one, and publishing the next."""

from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Depends, Query, Response
from msgspec import Struct

from dispute_service.corridor.runner import CommandRunner, commanded_by
from dispute_service.routing import bodies
from dispute_service.routing.commands import PublishMatrix
from dispute_service.routing.handle import publish_matrix as publish
from dispute_service.routing.matrix import AmountBand, CalendarSpec, ResolutionMatrix, Rule, default_matrix
from dispute_service.routing.stream import MATRIX, matrix_stream
from redress.eventlog.aggregates import load
from redress.eventlog.events import StoredAnswer
from redress.eventlog.log import EventLog
from redress.money import Money, parse_money
from redress.web.answers import answer
from redress.web.auth import Principal, requires
from redress.web.commands import CommandContext, commanded
from redress.web.etag import etag
from redress.web.idempotency import replay
from redress.web.problem import not_found

PATH = "/v1/policies/resolution-matrix"

Reading = Annotated[Principal, Depends(requires("policies:read"))]
Publishing = Annotated[CommandContext, Depends(commanded("policies:write", version="optional"))]


class BandDocument(Struct, frozen=True, kw_only=True):
    currency: str
    at_least: str | None
    below: str | None


class RuleDocument(Struct, frozen=True, kw_only=True):
    rule_id: str
    reason_codes: tuple[str, ...]
    legal_entities: tuple[str, ...]
    band: BandDocument | None
    team: str
    owner: str | None
    backup: str | None
    sla_hours: int
    calendar: str


class MatrixDocument(Struct, frozen=True, kw_only=True):
    """Version 0 is the built-in default."""

    version: int
    rules: tuple[RuleDocument, ...]
    calendars: dict[str, CalendarSpec]


def matrix_routes(log: EventLog, runner: CommandRunner) -> APIRouter:
    router = APIRouter(tags=["policies"])

    @router.get(PATH, response_class=Response, summary="The resolution matrix in force, or an earlier version")
    async def read_matrix(
        principal: Reading,
        version: Annotated[int | None, Query(ge=0, le=2**31, description="0 is the built-in default.")] = None,
    ) -> Response:
        if version == 0:
            return answer(_document(default_matrix()), version=0)
        loaded = await load(log, MATRIX, principal.tenant, matrix_stream(principal.tenant), version)
        if version is not None and loaded.version != version:
            raise not_found(f"version {version} of the resolution matrix")
        return answer(_document(loaded.state), version=loaded.version)

    @router.post(PATH, status_code=201, response_class=Response, summary="Publish the next resolution matrix")
    async def publish_matrix(context: Publishing, body: bodies.MatrixBody) -> Response:
        """In force for decisions from now on. Due dates that were promised stay as they are."""
        command = PublishMatrix(
            at=context.now,
            rules=tuple(_rule(rule) for rule in body.rules),
            calendars={name: CalendarSpec(**spec.model_dump()) for name, spec in body.calendars.items()},
            comment=body.comment,
        )
        answered = await publish(runner, commanded_by(context), command, _document)
        shown: dict[str, Any] = msgspec.json.decode(answered.body)
        location = f"{PATH}?version={shown['version']}"
        if answered.replayed:
            stored = StoredAnswer(b"", answered.status, answered.body)
            return replay(stored, {"ETag": etag(shown["version"]), "Location": location})
        return answer(answered.body, answered.status, version=shown["version"], location=location)

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


def _document(matrix: ResolutionMatrix) -> MatrixDocument:
    return MatrixDocument(
        version=matrix.version,
        rules=tuple(_rule_document(rule) for rule in matrix.rules),
        calendars=matrix.calendars,
    )


def _rule_document(rule: Rule) -> RuleDocument:
    band = rule.band
    return RuleDocument(
        rule_id=rule.rule_id,
        reason_codes=rule.reason_codes,
        legal_entities=rule.legal_entities,
        band=(
            BandDocument(
                currency=band.currency,
                at_least=None if band.from_minor is None else Money(band.from_minor, band.currency).amount,
                below=None if band.below_minor is None else Money(band.below_minor, band.currency).amount,
            )
            if band
            else None
        ),
        team=rule.team,
        owner=rule.owner,
        backup=rule.backup,
        sla_hours=rule.sla_hours,
        calendar=rule.calendar,
    )
