"""The ERP's door over HTTP: `POST /v1/erp/events`, and how its sources are doing."""

from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Depends, Path, Request
from starlette.responses import Response

from collections_service.api.parts import Parts
from collections_service.erp_intake.batch import MAX_ITEMS, NotABatch, split
from collections_service.erp_intake.intake import Sender
from collections_service.erp_intake.messages import ErpMessage
from collections_service.queries.erp_sources import source_health
from redress.eventlog.events import CommandRecord
from redress.eventlog.log import KeyReused
from redress.failpoints import failpoint
from redress.web.answers import answer
from redress.web.auth import Principal, requires
from redress.web.commands import CommandContext, commanded
from redress.web.idempotency import replay
from redress.web.problem import FieldError, kernel_problem, not_found

MAX_BODY_BYTES = 4_194_304  # 1,000 invoices with a few lines each

Posting = Annotated[CommandContext, Depends(commanded("erp:write"))]
Reader = Annotated[Principal, Depends(requires("erp:read"))]

_MULTI_STATUS = 207


def erp_routes(parts: Parts) -> APIRouter:
    router = APIRouter(tags=["erp"])

    @router.post(
        "/v1/erp/events",
        summary="Post one ERP event, or up to 1,000",
        status_code=_MULTI_STATUS,
        response_class=Response,
        openapi_extra={"requestBody": _request_body()},
    )
    async def post_erp_events(request: Request, command: Posting) -> Response:
        """Each item is answered by itself: accepted, duplicate, rejected or waiting, with reason and JSON pointer.

        The items are idempotent by their own `source` and `source_event_id`, whatever the Idempotency-Key is. An item
        that speaks of an invoice or payment that is not known yet waits for it.
        """
        stored = await parts.log.answer(command.tenant, command.key)
        if stored is not None:
            if stored.fingerprint != command.fingerprint:
                raise KeyReused(command.key)
            return replay(stored)
        items, of_batch = _items_of(await request.body())
        sender = Sender(
            actor=command.principal.actor,
            via="http",
            correlation_id=command.correlation_id,
            traceparent=command.traceparent,
        )
        result = await parts.intake.take(command.tenant, items, sender, of_batch=of_batch)
        await failpoint("intake.before_answer")
        body = msgspec.json.encode(result)
        record = CommandRecord(key=command.key, fingerprint=command.fingerprint, status=_MULTI_STATUS, response=body)
        appended = await parts.log.append(command.tenant, [], record)
        return replay(appended.replayed) if appended.replayed is not None else answer(body, _MULTI_STATUS)

    @router.get("/v1/erp/sources/{source}/health", summary="How an ERP source is doing", response_class=Response)
    async def read_source_health(source: Annotated[str, Path(max_length=60)], principal: Reader) -> Response:
        """Age of the last message, counts by result, control numbers, what waits and what was refused."""
        found = await source_health(parts.pool, principal.tenant, source, parts.clock.now())
        if found is None:
            raise not_found(f"ERP source {source}")
        return answer(found)

    return router


def _items_of(body: bytes) -> tuple[list[bytes], bool]:
    try:
        return split(body)
    except NotABatch as wrong:
        if wrong.malformed:
            raise kernel_problem("malformed_json", str(wrong)) from None
        error = FieldError("#", str(wrong), f"1 to {MAX_ITEMS} items")
        raise kernel_problem("invalid_request", "the list is empty or too long", errors=[error]) from None


def _request_body() -> dict[str, Any]:
    """The schema of a message, for the docs. A Dynamics 365 business event is accepted as it is."""
    (schema,), components = msgspec.json.schema_components([ErpMessage], ref_template="#/$defs/{name}")
    item = {**schema, "$defs": components}
    return {
        "required": True,
        "content": {
            "application/json": {
                "schema": {
                    "description": "One event, or a list. Dynamics 365 business events are mapped (BusinessEventId).",
                    "oneOf": [item, {"type": "array", "minItems": 1, "maxItems": MAX_ITEMS, "items": item}],
                }
            }
        },
    }
