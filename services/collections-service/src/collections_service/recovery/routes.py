"""Recovery tasks over HTTP: the list, and the commands of whoever works on one."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response

from collections_service.open_items.commands import (
    FinishRecoveryTask,
    HandOverRecoveryTask,
    RecoveryTaskCommand,
    TakeRecoveryTask,
)
from collections_service.open_items.recovery_tasks import decide
from collections_service.open_items.refusals import NoSuchTask, RecoveryTaskRefusal
from collections_service.open_items.stream import INVOICE
from collections_service.recovery.list import (
    PREFIX,
    RecoveryTask,
    TaskFilter,
    TaskPlace,
    place_of,
    recovery_tasks,
    task_after,
)
from redress.handling.command import CommandContext, CommandResult
from redress.handling.command_runner import CommandJob
from redress.handling.unit_of_work import UnitOfWork
from redress.ids import parse_public_id
from redress.reading.keyset import Page, keyset
from redress.reading.moment import AskedMoment, only_now
from redress.service.feature import ApiParts
from redress.web.answers import answer_page
from redress.web.auth import Principal, requires
from redress.web.bodies import VISIBLE, Body, KnownId, Name, Sentence
from redress.web.command_routes import CommandRequest, CommandRoutes
from redress.web.openapi import answers
from redress.web.pages import DEFAULT_LIMIT, Cursor, Limit
from redress.web.problem import not_found

Reading = Annotated[Principal, Depends(requires("ledger:read"))]
Asked = CommandRequest[TaskPlace]
PATH = "/v1/recovery-tasks"


class TakeBody(Body):
    """Whoever asks takes it."""


class HandOverBody(Body):
    """`to` is who goes on with it; left out, it is everybody's again."""

    to: Name | None = None
    reason: Sentence


class FinishBody(Body):
    """`result` is what came of it."""

    result: Sentence


def recovery_routes(parts: ApiParts[Any]) -> APIRouter:
    router = APIRouter(tags=["recovery"])

    @router.get(PATH, summary="Recovery tasks: amounts to be collected after all", response_class=Response)
    @answers(Page[RecoveryTask])
    async def list_recovery_tasks(  # noqa: PLR0917 - one parameter per filter
        request: Request,
        principal: Reading,
        moment: AskedMoment,
        customer_id: Annotated[KnownId | None, Query()] = None,
        legal_entity: Annotated[KnownId | None, Query()] = None,
        owner: Annotated[str | None, Query(min_length=1, max_length=200, pattern=VISIBLE)] = None,
        state: Literal["open", "taken", "done", "closed"] | None = None,
        done: bool | None = None,
        cursor: Cursor = None,
        limit: Limit = DEFAULT_LIMIT,
    ) -> Response:
        """Disputed amounts that were found invalid, oldest first. Only as they are now."""
        only_now(moment, instead="GET /v1/invoices/{invoice_id} for the invoice of each task")
        wanted = TaskFilter(customer_id=customer_id, legal_entity=legal_entity, owner=owner, state=state, done=done)
        page = await recovery_tasks(
            parts.reads,
            principal.tenant,
            keyset(parts.cursors, "recovery-tasks", principal.tenant, msgspec.structs.asdict(wanted), cursor, limit),
            wanted,
            parts.clock.now(),
        )
        return answer_page(request, page.items, page.next_cursor)

    _add_commands(router, parts)
    return router


def _add_commands(router: APIRouter, parts: ApiParts[Any]) -> None:
    async def take_it(
        context: CommandContext, task_id: UUID, build: Callable[[TaskPlace], Awaitable[RecoveryTaskCommand]]
    ) -> CommandResult:
        place = await place_of(parts.reads, context.tenant, task_id, context.now)
        return await parts.runner.run(context, _changing(place, await build(place)))

    commands: CommandRoutes[TaskPlace, RecoveryTaskCommand] = CommandRoutes(
        router,
        f"{PATH}/{{task_id}}",
        id_of=_task_of,
        take=take_it,
        answers=RecoveryTask,
        problems=[RecoveryTaskRefusal],
        id_description="`tsk_…`",
    )

    @commands.action("take", permission="ledger:write", summary="Take a recovery task", version="unused")
    def take_recovery_task(body: TakeBody, asked: Asked) -> TakeRecoveryTask:  # noqa: ARG001 - it says nothing
        place = asked.state
        return TakeRecoveryTask(dispute_id=place.dispute_id, number=place.number, by=asked.context.actor.id)

    @commands.action("hand-over", permission="ledger:write", summary="Hand a recovery task over", version="unused")
    def hand_over_recovery_task(body: HandOverBody, asked: Asked) -> HandOverRecoveryTask:
        place = asked.state
        return HandOverRecoveryTask(dispute_id=place.dispute_id, number=place.number, to=body.to, reason=body.reason)

    @commands.action("finish", permission="ledger:write", summary="Finish a recovery task", version="unused")
    def finish_recovery_task(body: FinishBody, asked: Asked) -> FinishRecoveryTask:
        place = asked.state
        return FinishRecoveryTask(
            dispute_id=place.dispute_id, number=place.number, by=asked.context.actor.id, result=body.result
        )


def _task_of(text: str) -> UUID:
    try:
        return parse_public_id(PREFIX, text)
    except ValueError:
        raise not_found(f"recovery task {text}") from None


def _changing(place: TaskPlace, command: RecoveryTaskCommand) -> CommandJob:
    async def work(uow: UnitOfWork) -> bytes:
        item = await uow.state(INVOICE, place.item)
        after = uow.record(INVOICE, place.item, decide(command, item))
        task = after.task(place.dispute_id)
        if task is None:
            raise NoSuchTask
        return msgspec.json.encode(task_after(place, task, after.undisputed_on(place.today)))

    return CommandJob(work=work, writes={place.item: INVOICE})
