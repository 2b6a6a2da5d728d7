"""Commands over HTTP: what every command route needs besides its body, and one short function per action.

A feature lists its commands once:

    commands = CommandRoutes(router, "/v1/disputes/{dispute_id}", id_of=dispute_of, take=take, answers=DisputeDocument)

    @commands.action("escalate", permission="disputes:write", summary="Raise it to a level")
    def escalate(body: EscalateBody, request: CommandRequest[Dispute]) -> Escalate:
        return Escalate(at=body.at(request.now), level=body.level, reason=body.reason, to=body.to)
"""

import inspect
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Annotated, Any, Generic, Literal, TypeVar
from uuid import UUID

import msgspec
from fastapi import APIRouter, Depends, Path, Request
from msgspec import Struct
from pydantic import BaseModel
from starlette.responses import Response

from redress.clock import Clock
from redress.handling.command import CommandContext, CommandResult
from redress.ids import derived_uuid
from redress.ops import telemetry
from redress.refusal import Refusal
from redress.web.answers import answer
from redress.web.auth import Permission, Principal
from redress.web.etag import IF_MATCH_PARAMETER, if_match, optional_if_match
from redress.web.idempotency import KEY_PARAMETER, REPLAYED, fingerprint, idempotency_key
from redress.web.openapi import answers as documented

S = TypeVar("S")
C = TypeVar("C")
B = TypeVar("B", bound=BaseModel)

Version = Literal["required", "optional", "unused"]


class CommandDependency(Permission):
    """The dependency of a command route: permission, Idempotency-Key, If-Match as `version` says, and the clock."""

    def __init__(self, permission: str, version: Version) -> None:
        super().__init__(permission)
        self.version = version

    async def __call__(self, request: Request) -> CommandContext:
        principal = await self.granted(request)
        headers = request.headers
        key = idempotency_key(headers.get("idempotency-key"))
        expected: int | None = None
        match self.version:
            case "required":
                expected = if_match(headers.get("if-match"))
            case "optional":
                expected = optional_if_match(headers.get("if-match"))
            case "unused":
                pass
        return await _context(request, principal, key, expected)

    @property
    def header_parameters(self) -> list[dict[str, Any]]:
        """The headers it reads, as OpenAPI parameters."""
        needed = [(KEY_PARAMETER, True)]
        if self.version != "unused":
            needed.append((IF_MATCH_PARAMETER, self.version == "required"))
        return [{**parameter, "required": required} for parameter, required in needed]


def commanded(permission: str, *, version: Version = "unused") -> CommandDependency:
    """For routes: `Annotated[CommandContext, Depends(commanded("disputes:write", version="required"))]`. KeyError for
    no such permission."""
    return CommandDependency(permission, version)


class AnswerHead(Struct, frozen=True):
    """The part of a command's answer that its headers repeat. Absent members are None."""

    id: str | None = None
    version: int | None = None


_head = msgspec.json.Decoder(AnswerHead)


def command_answer(
    result: CommandResult, location: Callable[[AnswerHead], str] | None = None, *, shown: Struct | None = None
) -> Response:
    """The answer of a command with its ETag; a stored answer goes out again byte for byte. `location` is of what the
    command has made. `shown` goes out in its place where the stored one is sealed."""
    head = _head.decode(result.body)
    headers = {REPLAYED: "true"} if result.replayed else {}
    return answer(
        result.body if shown is None else shown,
        result.status,
        version=head.version,
        location=None if location is None else location(head),
        headers=headers,
    )


class CommandRequest(Struct, Generic[S], frozen=True):
    """A command on its way from its body to its Struct: who asks, and the state it will be decided on."""

    context: CommandContext
    state: S

    @property
    def now(self) -> datetime:
        return self.context.now


Build = Callable[[S], Awaitable[C]]


class CommandRoutes(Generic[S, C]):
    """The actions of one aggregate: `POST {path}/{action}`, each answered with the aggregate as it is afterwards.

    `path` has one parameter; `id_of` makes the stream's id of it, and raises the problem 404 for what cannot be one.
    `take` runs a command that is built of the state.
    """

    def __init__(
        self,
        router: APIRouter,
        path: str,
        *,
        id_of: Callable[[str], UUID],
        take: Callable[[CommandContext, UUID, Build[S, C]], Awaitable[CommandResult]],
        answers: type[Struct],
        problems: Sequence[type[Refusal]] = (),
        id_description: str | None = None,
    ) -> None:
        self._router = router
        self._path = path
        self._id = path.partition("{")[2].partition("}")[0]
        self._id_type = Annotated[str, Path(max_length=200, description=id_description)]
        self._id_of = id_of
        self._take = take
        self._answers = answers
        self._problems = tuple(problems)

    def action(
        self,
        name: str,
        *,
        permission: str,
        summary: str,
        version: Version = "required",
        problems: Sequence[type[Refusal]] | None = None,
    ) -> Callable[
        [Callable[[B, CommandRequest[S]], C | Awaitable[C]]], Callable[[B, CommandRequest[S]], C | Awaitable[C]]
    ]:
        """Make the decorated function, which turns body and state into the command, the route of the action.

        A body whose fields all have defaults may be left out. `problems` are the refusals this action can give, those
        of the aggregate if not said.
        """

        def register(
            function: Callable[[B, CommandRequest[S]], C | Awaitable[C]],
        ) -> Callable[[B, CommandRequest[S]], C | Awaitable[C]]:
            endpoint = self._endpoint(function, commanded(permission, version=version))
            documented(self._answers, problems=self._problems if problems is None else problems)(endpoint)
            self._router.add_api_route(
                f"{self._path}/{name}", endpoint, methods=["POST"], summary=summary, response_class=Response
            )
            return function

        return register

    def _endpoint(
        self, function: Callable[[B, CommandRequest[S]], C | Awaitable[C]], dependency: CommandDependency
    ) -> Callable[..., Awaitable[Response]]:
        body_type: type[B] = inspect.get_annotations(function, eval_str=True)["body"]
        may_be_absent = not any(field.is_required() for field in body_type.model_fields.values())

        async def endpoint(**values: Any) -> Response:
            context: CommandContext = values["context"]
            body: B = values["body"] or body_type()

            async def build(state: S) -> C:
                made = function(body, CommandRequest(context, state))
                return await made if inspect.isawaitable(made) else made

            return command_answer(await self._take(context, self._id_of(values[self._id]), build))

        keyword = inspect.Parameter.KEYWORD_ONLY
        endpoint.__signature__ = inspect.Signature(  # type: ignore[attr-defined] # FastAPI reads it
            [
                inspect.Parameter("context", keyword, annotation=Annotated[CommandContext, Depends(dependency)]),
                inspect.Parameter(self._id, keyword, annotation=self._id_type),
                inspect.Parameter("body", keyword, annotation=body_type | None, default=None)
                if may_be_absent
                else inspect.Parameter("body", keyword, annotation=body_type),
            ],
            return_annotation=Response,
        )
        endpoint.__name__ = function.__name__
        endpoint.__doc__ = function.__doc__
        return endpoint


async def _context(request: Request, principal: Principal, key: str, expected: int | None) -> CommandContext:
    clock: Clock = request.app.state.clock
    causes = telemetry.current_causes()
    if causes is None:
        raise RuntimeError("a command outside a request: the app was not built by create_base_app")
    query = request.scope["query_string"].decode("latin-1")
    path = request.scope["path"] if not query else f"{request.scope['path']}?{query}"
    return CommandContext(
        tenant=principal.tenant,
        actor=principal.actor,
        key=key,
        fingerprint=fingerprint(request.method, path, await request.body(), request.headers.get("if-match")),
        command_id=str(derived_uuid("command", principal.tenant, key)),
        expected=expected,
        correlation_id=causes.correlation_id,
        traceparent=str(causes.traceparent),
        now=clock.now(),
    )
