"""What every command route needs besides its body, in one dependency.

A service names it once per permission, `Working = Annotated[CommandContext, Depends(commanded("disputes:write"))]`, and
its routes take `command: Working`.
"""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Annotated, Literal

from fastapi import Depends, Request
from msgspec import Struct

from redress.clock import Clock
from redress.eventlog.events import Meta
from redress.ids import derived_uuid
from redress.ops import telemetry
from redress.web.auth import Principal, requires
from redress.web.etag import if_match, optional_if_match
from redress.web.idempotency import fingerprint, idempotency_key


class CommandContext(Struct, frozen=True, kw_only=True):
    """Who commands, under which key, decided on which version, and when.

    `expected` is the version of If-Match, None where the route does not ask for it or the caller left it out.
    `now` is the time of receipt; everything one command decides, it decides at this one instant.
    """

    principal: Principal
    key: str
    fingerprint: bytes
    expected: int | None
    correlation_id: str
    traceparent: str
    now: datetime

    @property
    def tenant(self) -> str:
        return self.principal.tenant

    @property
    def command_id(self) -> str:
        """The same for every repetition of the command, so that a repetition makes the same event ids."""
        return str(derived_uuid("command", self.principal.tenant, self.key))

    def meta(self, policy: Sequence[str] = ()) -> Meta:
        """What events caused by this command carry beside their payload."""
        return Meta(
            actor=self.principal.actor,
            command_id=self.command_id,
            correlation_id=self.correlation_id,
            traceparent=self.traceparent,
            policy=tuple(policy),
        )


Commanded = Callable[..., Awaitable[CommandContext]]


def commanded(permission: str, *, version: Literal["required", "optional", "unused"] = "unused") -> Commanded:
    """The dependency of a command route: permission, Idempotency-Key, If-Match as `version` says, and the clock."""
    needs = requires(permission)

    async def unversioned(
        request: Request,
        principal: Annotated[Principal, Depends(needs)],
        key: Annotated[str, Depends(idempotency_key)],
    ) -> CommandContext:
        return await _context(request, principal, key, None)

    async def optionally_versioned(
        request: Request,
        principal: Annotated[Principal, Depends(needs)],
        key: Annotated[str, Depends(idempotency_key)],
        expected: Annotated[int | None, Depends(optional_if_match)],
    ) -> CommandContext:
        return await _context(request, principal, key, expected)

    async def versioned(
        request: Request,
        principal: Annotated[Principal, Depends(needs)],
        key: Annotated[str, Depends(idempotency_key)],
        expected: Annotated[int, Depends(if_match)],
    ) -> CommandContext:
        return await _context(request, principal, key, expected)

    match version:
        case "required":
            return versioned
        case "optional":
            return optionally_versioned
        case "unused":
            return unversioned


async def _context(request: Request, principal: Principal, key: str, expected: int | None) -> CommandContext:
    clock: Clock = request.app.state.clock
    causes = telemetry.current()
    if causes is None:
        raise RuntimeError("a command outside a request: the app was not built by create_base_app")
    path = request.url.path if not request.url.query else f"{request.url.path}?{request.url.query}"
    return CommandContext(
        principal=principal,
        key=key,
        fingerprint=fingerprint(request.method, path, await request.body(), request.headers.get("if-match")),
        expected=expected,
        correlation_id=causes.correlation_id,
        traceparent=str(causes.traceparent),
        now=clock.now(),
    )
