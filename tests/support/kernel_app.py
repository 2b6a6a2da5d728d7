"""A small app with one route of each kind, for tests of the web kernel. It belongs to no service."""

from datetime import datetime
from typing import Annotated, Any, Literal

import asyncpg
from fastapi import APIRouter, Depends, FastAPI, Path, Request
from pydantic import BaseModel, ConfigDict, Field, field_validator
from starlette.responses import Response

from redress.eventlog.log import AppendTooLarge, CommandInFlight, KeyReused, LogUnavailable, VersionConflict
from redress.handling.command import CommandContext
from redress.ids import derived_uuid
from redress.money import parse_money
from redress.web.answers import answer, answer_page, answer_version
from redress.web.app import create_base_app
from redress.web.auth import Authenticator, Principal, requires
from redress.web.command_routes import commanded
from redress.web.etag import stale
from redress.web.health import Health
from redress.web.pages import Cursor, Cursors, Limit, filters_hash
from redress.web.problem import Problem, not_found

Opening = Annotated[CommandContext, Depends(commanded("disputes:open"))]
Working = Annotated[CommandContext, Depends(commanded("disputes:write", version="required"))]
Noting = Annotated[CommandContext, Depends(commanded("disputes:note", version="optional"))]
Reading = Annotated[Principal, Depends(requires("disputes:read"))]


class Body(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Amount(Body):
    amount: str
    currency: str = Field(max_length=3)

    @field_validator("currency")
    @classmethod
    def _known(cls, currency: str) -> str:
        parse_money("0", currency)
        return currency


class Item(Body):
    invoice_id: str = Field(min_length=1, max_length=64)
    amount: Amount


class Call(Body):
    kind: Literal["call"]
    number: str


class Mail(Body):
    kind: Literal["mail"]
    address: str


class Open(Body):
    reason: Literal["PRICE", "QUANTITY"]
    items: list[Item] = Field(min_length=1, max_length=100)
    contact: Annotated[Call | Mail, Field(discriminator="kind")] | None = None


VERSION = 7
EVENTS = derived_uuid("office")
LOG_REFUSALS = {
    "reused": KeyReused("k"),
    "in-flight": CommandInFlight("k"),
    "conflict": VersionConflict(EVENTS, 1, 2),
    "too-large": AppendTooLarge("300 events are more than 200"),
    "unavailable": LogUnavailable("10.0.0.5 refused user redress_app"),
}


def kernel_app(auth: Authenticator, **settings: Any) -> FastAPI:
    router = APIRouter(prefix="/v1/disputes", tags=["disputes"])
    cursors = Cursors(b"0123456789abcdef")

    @router.post("")
    async def open_dispute(body: Open, command: Opening) -> Response:
        return answer({"reason": body.reason, "by": command.actor.id}, 201, version=1, location="/v1/x")

    @router.post("/{dispute_id}/decide")
    async def decide(dispute_id: Annotated[int, Path(ge=1)], command: Working) -> Response:
        if command.expected != VERSION:
            raise stale(VERSION)
        return answer({"dispute": dispute_id, "correlation": command.correlation_id}, version=VERSION + 1)

    @router.post("/{dispute_id}/context")
    async def context(dispute_id: str, command: Noting) -> Response:
        shown = {
            "tenant": command.tenant,
            "key": command.key,
            "fingerprint": command.fingerprint.hex(),
            "expected": command.expected,
            "now": command.now,
            "meta": command.meta(["matrix@3"]),
        }
        return answer(shown)

    @router.get("/{dispute_id}")
    async def dispute(request: Request, dispute_id: str, reader: Reading) -> Response:
        if dispute_id == "unknown":
            raise not_found("dispute of this id")
        return answer_version(request, {"id": dispute_id, "tenant": reader.tenant}, VERSION)

    @router.get("")
    async def disputes(
        *,
        request: Request,
        reader: Reading,
        limit: Limit = 50,
        cursor: Cursor = None,
        status: Literal["open", "closed"] = "open",
        known_at: datetime | None = None,
    ) -> Response:
        filters = filters_hash("disputes", reader.tenant, {"status": status, "known_at": known_at})
        after = cursors.decode(cursor, filters)[0] if cursor else 0
        assert isinstance(after, int)
        numbers = list(range(after + 1, min(after + limit, 120) + 1))
        following = cursors.encode([numbers[-1]], filters) if numbers and numbers[-1] < 120 else None
        return answer_page(request, numbers, following)

    async def well() -> None:
        return None

    defaults: dict[str, Any] = {
        "title": "Office",
        "version": "1.0",
        "description": "For tests.",
        "auth": auth,
        "health": Health(ready={"database": well}),
        "problems": {"wrong_state": (409, "Not in this state")},
    }
    app = create_base_app(**{**defaults, **settings})
    app.include_router(router)
    app.include_router(_refusing_routes())
    return app


def _refusing_routes() -> APIRouter:
    router = APIRouter(prefix="/v1/disputes", tags=["disputes"])

    @router.post("/{dispute_id}/refuse")
    async def refuse(dispute_id: str, reader: Reading) -> Response:
        raise Problem(
            409,
            "wrong_state",
            "Not in this state",
            "the dispute is resolved",
            allowed_actions=["reopen"],
            extra={"state": "resolved", "status": 200},
        )

    @router.post("/{dispute_id}/fail")
    async def fail(dispute_id: str, reader: Reading) -> Response:
        raise RuntimeError("password=hunter2 of 10.0.0.5")

    @router.post("/{dispute_id}/away/{how}")
    async def away(dispute_id: str, how: str, reader: Reading) -> Response:
        outage: Exception = asyncpg.CannotConnectNowError("the database system at 10.0.0.5 is starting up")
        if how == "refused":
            outage = ConnectionRefusedError("10.0.0.5")
        if how == "wrapped":
            raise ValueError("a library's own error") from outage
        raise outage

    @router.post("/{dispute_id}/log/{refusal}")
    async def log_refusal(dispute_id: str, refusal: str, reader: Reading) -> Response:
        raise LOG_REFUSALS[refusal]

    @router.post("/upload", max_body_size=3_000_000)
    async def upload(request: Request, reader: Reading) -> Response:
        return answer({"bytes": len(await request.body())})

    return router
