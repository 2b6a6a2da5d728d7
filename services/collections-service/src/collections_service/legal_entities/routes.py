"""Legal entities over HTTP: describing one, the one that it is or was, and the list."""

from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Depends, Path, Request
from starlette.responses import Response

from collections_service.legal_entities.bodies import LegalEntityBody
from collections_service.legal_entities.list import how_many, legal_entities
from collections_service.legal_entities.refusals import (
    MAX_LEGAL_ENTITIES,
    LegalEntityRefusal,
    TooManyLegalEntities,
)
from redress.eventlog.log import EventLog
from redress.handling.command import CommandContext
from redress.handling.command_runner import CommandJob
from redress.handling.unit_of_work import UnitOfWork
from redress.legal_entities.document import LegalEntityDocument, document_of
from redress.legal_entities.events import LegalEntityDescribed, SenderIdentity, WorkingHours
from redress.legal_entities.state import LegalEntity, describe
from redress.legal_entities.stream import LEGAL_ENTITY, legal_entity_stream
from redress.legal_entities.zones import zone_of_entity
from redress.reading.keyset import Page, keyset
from redress.reading.moment import AskedMoment, Moment
from redress.service.feature import ApiParts
from redress.web.answers import answer, answer_page, answer_version
from redress.web.auth import Principal, requires
from redress.web.bodies import BusinessId, KnownId
from redress.web.command_routes import command_answer, commanded
from redress.web.openapi import answers
from redress.web.pages import DEFAULT_LIMIT, Cursor, Limit
from redress.web.problem import not_found

PATH = "/v1/legal-entities"

Reading = Annotated[Principal, Depends(requires("ledger:read"))]
Writing = Annotated[CommandContext, Depends(commanded("legal-entities:write", version="optional"))]
Code = Annotated[KnownId, Path(description="As invoices name it.", examples=["US01"])]


def legal_entity_routes(parts: ApiParts[Any]) -> APIRouter:
    router = APIRouter(tags=["legal entities"])

    @router.get(f"{PATH}/{{code}}", summary="One legal entity", response_class=Response)
    @answers(LegalEntityDocument, also={304: None})
    async def read_legal_entity(request: Request, principal: Reading, code: Code, moment: AskedMoment) -> Response:
        """Now, or as it was described by the end of a business day of its own, or as known at an instant."""
        found = await _at(parts.log, principal.tenant, code, moment)
        if found is None:
            raise not_found(f"legal entity {code}")
        return answer_version(request, found, found.version) if moment.is_now else answer(found)

    @router.get(PATH, summary="Legal entities by their code", response_class=Response)
    @answers(Page[LegalEntityDocument])
    async def list_legal_entities(
        request: Request, principal: Reading, moment: AskedMoment, cursor: Cursor = None, limit: Limit = DEFAULT_LIMIT
    ) -> Response:
        filters = {"as_of": moment.as_of, "known_at": moment.known_at}
        asked = keyset(parts.cursors, "legal-entities", principal.tenant, filters, cursor, limit)
        page = await legal_entities(parts.reads, principal.tenant, moment, asked)
        return answer_page(request, page.items, page.next_cursor)

    @router.put(f"{PATH}/{{code}}", summary="Describe a legal entity", response_class=Response)
    @answers(LegalEntityDocument, also={201: LegalEntityDocument}, problems=[LegalEntityRefusal])
    async def describe_legal_entity(
        context: Writing,
        code: Annotated[BusinessId, Path(description="As invoices name it.", examples=["US01"])],
        body: LegalEntityBody,
    ) -> Response:
        """The same again changes nothing. With If-Match, only that version is replaced. Another zone counts from now
        on: what was asked about the past and known then stays as it was."""
        stream = legal_entity_stream(context.tenant, code)

        async def work(uow: UnitOfWork) -> bytes:
            before = await uow.state(LEGAL_ENTITY, stream)
            if before.described is None:
                await _there_is_room(parts, context.tenant)
            after = uow.record(LEGAL_ENTITY, stream, describe(_described(code, body, context), before))
            return _answer(uow.version(stream), after)

        job = CommandJob(
            work=work,
            status=lambda uow: 201 if uow.is_new(stream) else 200,
            writes={stream: LEGAL_ENTITY},
            stream=stream,
        )
        return command_answer(await parts.runner.run(context, job))

    return router


def _described(code: str, body: LegalEntityBody, context: CommandContext) -> LegalEntityDescribed:
    calendar, sender = body.calendar, body.sender
    return LegalEntityDescribed(
        at=context.now,
        code=code,
        zone=body.zone,
        calendar=WorkingHours(
            country=calendar.country, subdivision=calendar.subdivision, opens=calendar.opens, closes=calendar.closes
        ),
        currency=body.currency,
        sender=SenderIdentity(name=sender.name, address=tuple(sender.address), reply_to=sender.reply_to),
    )


def _answer(version: int, after: LegalEntity) -> bytes:
    assert after.described is not None  # noqa: S101 - describing makes it so
    return msgspec.json.encode(document_of(version, after.described))


async def _there_is_room(parts: ApiParts[Any], tenant_id: str) -> None:
    """TooManyLegalEntities. Two at the same moment may both be the last one: the bound is of size, not of money."""
    async with parts.reads.of(tenant_id) as connection:
        if await how_many(connection, tenant_id) >= MAX_LEGAL_ENTITIES:
            raise TooManyLegalEntities


async def _at(log: EventLog, tenant_id: str, code: str, moment: Moment) -> LegalEntityDocument | None:
    before = moment.before(await zone_of_entity(log, tenant_id, code, moment))
    found: LegalEntityDocument | None = None
    for event in await log.read_stream(tenant_id, legal_entity_stream(tenant_id, code)):
        if event.recorded_at <= moment.recorded_by and (before is None or event.effective_at < before):
            fact = LEGAL_ENTITY.codec.decode(event.type, event.schema_version, event.payload)
            found = document_of(event.version, fact)
    return found
