"""What every command route needs besides its body, in one dependency.

A service names it once per permission, `Working = Annotated[CommandContext, Depends(commanded("disputes:write"))]`, and
its routes take `command: Working`.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal

from fastapi import Request
from msgspec import Struct

from redress.clock import Clock
from redress.eventlog.events import Meta
from redress.ids import derived_uuid
from redress.ops import telemetry
from redress.web.auth import Permission, Principal
from redress.web.etag import IF_MATCH_PARAMETER, if_match, optional_if_match
from redress.web.idempotency import KEY_PARAMETER, fingerprint, idempotency_key

Version = Literal["required", "optional", "unused"]


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


class Commanded(Permission):
    """The dependency of a command route: permission, Idempotency-Key, If-Match as `version` says, and the clock."""

    def __init__(self, permission: str, version: Version) -> None:
        super().__init__(permission)
        self._version = version

    async def __call__(self, request: Request) -> CommandContext:
        principal = await self.granted(request)
        headers = request.headers
        key = idempotency_key(headers.get("idempotency-key"))
        expected: int | None = None
        match self._version:
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
        if self._version != "unused":
            needed.append((IF_MATCH_PARAMETER, self._version == "required"))
        return [{**parameter, "required": required} for parameter, required in needed]


def commanded(permission: str, *, version: Version = "unused") -> Commanded:
    """For routes: `Annotated[CommandContext, Depends(commanded("disputes:write", version="required"))]`. KeyError for
    no such permission."""
    return Commanded(permission, version)


async def _context(request: Request, principal: Principal, key: str, expected: int | None) -> CommandContext:
    clock: Clock = request.app.state.clock
    causes = telemetry.current()
    if causes is None:
        raise RuntimeError("a command outside a request: the app was not built by create_base_app")
    query = request.scope["query_string"].decode("latin-1")
    path = request.scope["path"] if not query else f"{request.scope['path']}?{query}"
    return CommandContext(
        principal=principal,
        key=key,
        fingerprint=fingerprint(request.method, path, await request.body(), request.headers.get("if-match")),
        expected=expected,
        correlation_id=causes.correlation_id,
        traceparent=str(causes.traceparent),
        now=clock.now(),
    )
