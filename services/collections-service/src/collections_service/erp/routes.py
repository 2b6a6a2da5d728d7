"""The ERP's door over HTTP: `POST /v1/erp/events`, and how its sources are doing."""

from typing import Annotated

import msgspec
from fastapi import APIRouter, Depends, Path, Request
from starlette.responses import Response

from collections_service.erp.batch import MAX_ITEMS, NotABatch, split
from collections_service.erp.dynamics365 import BusinessEvent, mapping_of
from collections_service.erp.intake import Intake
from collections_service.erp.messages import ErpMessage
from collections_service.erp.results import BatchResult
from collections_service.erp.sources import SourceHealth, source_health
from collections_service.erp.taking import Sender
from collections_service.settings import CollectionsSettings
from redress.failpoints import failpoint
from redress.handling.command import CommandContext
from redress.handling.command_runner import CommandJob
from redress.handling.unit_of_work import UnitOfWork
from redress.service.feature import ApiParts
from redress.web.answers import answer
from redress.web.auth import Principal, requires
from redress.web.bodies import VISIBLE
from redress.web.command_routes import command_answer, commanded
from redress.web.openapi import answers
from redress.web.problem import FieldError, kernel_problem, not_found

MAX_BODY_BYTES = 4_194_304  # 1,000 invoices with a few lines each, or twenty receipts of 1,000 allocations

Writing = Annotated[CommandContext, Depends(commanded("erp:write"))]
Reading = Annotated[Principal, Depends(requires("erp:read"))]

_MULTI_STATUS = 207


def erp_routes(parts: ApiParts[CollectionsSettings]) -> APIRouter:
    router = APIRouter(tags=["erp"])
    intake = Intake.over(
        runner=parts.runner,
        log=parts.log,
        pool=parts.pool,
        vault=parts.vault,
        policies=parts.policies,
        mapping=mapping_of(parts.settings),
        clock=parts.clock,
    )

    @router.post(
        "/v1/erp/events",
        summary="Post one ERP event, or up to 1,000",
        status_code=_MULTI_STATUS,
        response_class=Response,
    )
    @answers(
        BatchResult, status=_MULTI_STATUS, takes=(ErpMessage | list[ErpMessage], BusinessEvent, list[BusinessEvent])
    )
    async def post_erp_events(request: Request, context: Writing) -> Response:
        """Each item is answered by itself: accepted, duplicate, rejected or waiting, with reason and JSON pointer.

        The items are idempotent by their own `source` and `source_event_id`, whatever the Idempotency-Key is. An item
        that speaks of an invoice or payment that is not known yet waits for it. A business event of Dynamics 365 is
        taken as it is (`BusinessEventId`). An item that is only `received` is kept, and taken later by itself:
        something failed here.

        An item has at most 200,000 bytes and the request 4 MiB. A payment or credit memo names up to 1,000 invoices and
        is taken with all of them or not at all.
        """
        body = await request.body()

        async def work(_uow: UnitOfWork) -> bytes:
            items, of_batch = _items_of(body)
            sender = Sender(
                actor=context.actor, via="http", correlation_id=context.correlation_id, traceparent=context.traceparent
            )
            result = await intake.take(context.tenant, items, sender, of_batch=of_batch)
            await failpoint("intake.before_answer")
            return msgspec.json.encode(result)

        return command_answer(await parts.runner.run(context, CommandJob(work=work, status=_MULTI_STATUS)))

    @router.get("/v1/erp/sources/{source}/health", summary="How an ERP source is doing", response_class=Response)
    @answers(SourceHealth)
    async def read_source_health(
        source: Annotated[str, Path(max_length=60, pattern=VISIBLE)], principal: Reading
    ) -> Response:
        """Age of the last message, counts by result, control numbers, what waits and what was refused."""
        found = await source_health(parts.reads, principal.tenant, source, parts.clock.now())
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
