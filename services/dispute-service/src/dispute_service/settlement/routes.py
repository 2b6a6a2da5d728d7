"""Settlement tasks over HTTP: the list, and the commands of whoever in accounting sees to it that the posting comes."""

from collections.abc import Awaitable, Callable
from typing import Annotated
from uuid import UUID

import msgspec
from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response

from dispute_service.disputes import commands as c
from dispute_service.disputes.bodies import dispute_of
from dispute_service.disputes.document import document
from dispute_service.disputes.handle import changing, terms_for
from dispute_service.disputes.refusals import NoSettlementTask, SettlementTaskRefusal
from dispute_service.disputes.state import Dispute, TaskState
from dispute_service.settings import DisputeSettings
from dispute_service.settlement.list import SettlementTask, TaskFilter, settlement_tasks, settlement_tasks_on, task_of
from redress.handling.command import CommandContext, CommandResult
from redress.reading.keyset import Page, keyset
from redress.reading.moment import AskedMoment
from redress.service.feature import ApiParts
from redress.web.answers import answer_page
from redress.web.auth import Principal, requires
from redress.web.bodies import VISIBLE, Body, KnownId, Name, Sentence
from redress.web.command_routes import CommandRequest, CommandRoutes
from redress.web.openapi import answers
from redress.web.pages import DEFAULT_LIMIT, Cursor, Limit

Reading = Annotated[Principal, Depends(requires("disputes:read"))]
Asked = CommandRequest[Dispute]
Commands = CommandRoutes[Dispute, c.DisputeCommand]
PATH = "/v1/settlement-tasks"


class TakeTaskBody(Body):
    """Whoever asks takes it."""


class HandOverTaskBody(Body):
    """`to` is who goes on with it; left out, it is everybody's again."""

    to: Name | None = None
    reason: Sentence


class FinishTaskBody(Body):
    """`result` is what came of it, such as that the ERP posts it tomorrow. What is still awaited then has a new due
    date."""

    result: Sentence


def settlement_routes(parts: ApiParts[DisputeSettings]) -> APIRouter:
    router = APIRouter(tags=["settlement"])

    @router.get(PATH, summary="Settlement tasks: what the ERP has not posted in time", response_class=Response)
    @answers(Page[SettlementTask])
    async def list_settlement_tasks(  # noqa: PLR0917 - one parameter per filter
        request: Request,
        principal: Reading,
        moment: AskedMoment,
        state: TaskState | None = None,
        owner: Annotated[str | None, Query(min_length=1, max_length=200, pattern=VISIBLE)] = None,
        customer_id: Annotated[KnownId | None, Query()] = None,
        legal_entity: Annotated[KnownId | None, Query()] = None,
        cursor: Cursor = None,
        limit: Limit = DEFAULT_LIMIT,
    ) -> Response:
        """A dispute that waits for a credit memo, a write-off or a payment has a task when it does not come in time;
        the newest one of each is listed, the longest overdue first. With `as_of` the order is that of the disputes'
        ids, and a page may have fewer tasks than its limit although others follow."""
        wanted = TaskFilter(state=state, owner=owner, customer_id=customer_id, legal_entity=legal_entity)
        filters = msgspec.structs.asdict(wanted) | {"as_of": moment.as_of, "known_at": moment.known_at}
        asked = keyset(parts.cursors, "settlement-tasks", principal.tenant, filters, cursor, limit)
        if moment.as_of is None:
            page = await settlement_tasks(parts.reads, principal.tenant, asked, wanted, moment.known_at)
        else:
            page = await settlement_tasks_on(parts.reads, parts.log, principal.tenant, asked, wanted, moment)
        return answer_page(request, page.items, page.next_cursor)

    _add_commands(router, parts)
    return router


def _add_commands(router: APIRouter, parts: ApiParts[DisputeSettings]) -> None:
    async def take_it(
        context: CommandContext, dispute: UUID, build: Callable[[Dispute], Awaitable[c.DisputeCommand]]
    ) -> CommandResult:
        return await parts.runner.run(context, changing(context, dispute, build, shown=_shown))

    commands: Commands = CommandRoutes(
        router,
        f"{PATH}/{{dispute_id}}",
        id_of=dispute_of,
        take=take_it,
        answers=SettlementTask,
        problems=[SettlementTaskRefusal],
        id_description="`dsp_…`, the dispute that waits",
    )

    @commands.action("take", permission="disputes:write", summary="Take a settlement task", version="unused")
    def take_settlement_task(body: TakeTaskBody, asked: Asked) -> c.TakeSettlementTask:  # noqa: ARG001 - it says nothing
        return c.TakeSettlementTask(at=asked.now, by=asked.context.actor.id)

    @commands.action("hand-over", permission="disputes:write", summary="Hand a settlement task over", version="unused")
    def hand_over_settlement_task(body: HandOverTaskBody, asked: Asked) -> c.HandOverSettlementTask:
        return c.HandOverSettlementTask(at=asked.now, to=body.to, reason=body.reason)

    @commands.action("finish", permission="disputes:write", summary="Finish a settlement task", version="unused")
    async def finish_settlement_task(body: FinishTaskBody, asked: Asked) -> c.FinishSettlementTask:
        terms = await terms_for(asked.context.tenant, asked.state, asked.now, parts.policies)
        return c.FinishSettlementTask(at=asked.now, by=asked.context.actor.id, result=body.result, terms=terms)


def _shown(dispute: UUID, version: int, state: Dispute) -> bytes:
    task = task_of(document(dispute, version, state))
    if task is None:
        raise NoSettlementTask
    return msgspec.json.encode(task)
