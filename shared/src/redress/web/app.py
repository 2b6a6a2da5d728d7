"""The app every service starts from: refusals, ids, access log, metrics, health, docs and limits are one and the same.

The only open routes are health, metrics and docs. Every other route must ask for a token; an app with one that does
not refuses to start.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.routing import APIRoute
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from redress.clock import Clock, SystemClock
from redress.handling.command import StaleVersion
from redress.ids import new_uuid, public_id
from redress.ops import telemetry
from redress.ops.telemetry import Causes
from redress.web.auth import Authenticator, Principal
from redress.web.docs import docs_routes, document_problems
from redress.web.etag import stale
from redress.web.health import Health, health_routes
from redress.web.metrics import Metrics, metrics_routes
from redress.web.openapi import describe_answers, read_examples
from redress.web.problem import MEDIA_TYPE, install_problem_handlers, kernel_problem, problem_response
from redress.web.routes import listed_routes, refuse_open_routes, refuse_threaded_routes, route_templates

MAX_BODY_BYTES = 1_048_576

Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]

_QUIET = {"/livez", "/readyz", "/startupz", "/metrics"}
_DEFAULT_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"strict-transport-security", b"max-age=31536000"),  # browsers ignore it over plain http
    (b"cache-control", b"private, no-cache"),  # a reader may keep an answer if it asks with its ETag again
)
_log = structlog.stdlib.get_logger("redress.web.access")


def create_base_app(
    *,
    title: str,
    version: str,
    description: str,
    auth: Authenticator,
    health: Health,
    clock: Clock | None = None,
    lifespan: Lifespan | None = None,
    metrics: Metrics | None = None,
    max_body_bytes: int = MAX_BODY_BYTES,
    problems: Mapping[str, tuple[int, str]] | None = None,
    examples: Path | None = None,
) -> FastAPI:
    """An app with everything but the service's own routes.

    `max_body_bytes` holds for every route that does not say `max_body_size` itself. `problems` are the service's own
    codes with status and title, for the catalogue at `/docs/problems`. `examples` is the folder of those that
    `/openapi.json` shows.
    """
    counted = metrics or Metrics()

    @asynccontextmanager
    async def running(app: FastAPI) -> AsyncIterator[None]:
        refuse_open_routes(app)
        refuse_threaded_routes(app)
        if lifespan is None:
            health.running(True)
            yield
            health.running(False)
            return
        async with lifespan(app):
            health.running(True)
            yield
            health.running(False)

    app = _App(
        counted,
        examples,
        title=title,
        version=version,
        description=description,
        lifespan=running,
        docs_url=None,
        redoc_url=None,
        max_body_size=max_body_bytes,
        generate_unique_id_function=_operation_id,
        responses=document_problems(),
    )
    app.state.authenticator = auth
    app.state.clock = clock or SystemClock()
    app.state.metrics = counted
    app.state.stopping = asyncio.Event()  # set when the process begins to stop; long polls end then (ops.run)
    install_problem_handlers(app)
    app.add_exception_handler(StaleVersion, _on_stale)
    app.include_router(health_routes(health))
    app.include_router(metrics_routes(counted))
    app.include_router(docs_routes(app, problems or {}))
    return app


async def _on_stale(_: Request, error: Exception) -> Response:
    assert isinstance(error, StaleVersion)  # noqa: S101 - registered for this type only
    return problem_response(stale(error.actual))


class _App(FastAPI):
    def __init__(self, metrics: Metrics, examples: Path | None, **settings: Any) -> None:
        self._metrics = metrics
        self._examples = examples
        super().__init__(**settings)

    def build_middleware_stack(self) -> ASGIApp:
        # Outermost, so that it sees every answer: also those of Starlette's body limit and of unexpected failures.
        return _RequestScope(super().build_middleware_stack(), self._metrics, route_templates(self))

    def openapi(self) -> dict[str, Any]:
        made_before = self.openapi_schema is not None
        document = super().openapi()
        if not made_before:
            document.setdefault("components", {}).setdefault("schemas", {}).setdefault("Problem", PROBLEM_SCHEMA)
            describe_answers(self, document, {} if self._examples is None else read_examples(self._examples))
            for route in listed_routes(self):
                if route.headers:
                    operation = document["paths"][route.path][route.method.lower()]
                    operation.setdefault("parameters", []).extend(route.headers)
        return document


PROBLEM_SCHEMA: dict[str, Any] = {
    "type": "object",
    "description": "RFC 9457. Further members may stand beside these, such as numbers that a program can act on.",
    "required": ["type", "title", "status", "code"],
    "properties": {
        "type": {"type": "string", "description": "Where the code is explained."},
        "title": {"type": "string", "description": "The code in words."},
        "status": {"type": "integer"},
        "code": {"type": "string", "description": "Stable; for programs."},
        "detail": {"type": "string", "description": "What happened this time."},
        "request_id": {"type": "string"},
        "trace_id": {"type": "string"},
        "allowed_actions": {
            "type": "array",
            "items": {"type": "string"},
            "description": "What can be done instead in the present state.",
        },
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["detail"],
                "properties": {
                    "pointer": {"type": "string", "description": "JSON pointer into the body, such as #/items/0."},
                    "parameter": {"type": "string"},
                    "in": {"type": "string", "enum": ["query", "path", "header", "cookie"]},
                    "detail": {"type": "string"},
                    "allowed": {
                        "description": "What would be accepted: the values, or a description.",
                        "oneOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}],
                    },
                },
            },
        },
    },
}


class _RequestScope:
    """Around everything: who set the request off, what was answered, how long it took."""

    def __init__(self, app: ASGIApp, metrics: Metrics, templates: Mapping[int, str]) -> None:
        self.app = app
        self._metrics = metrics
        self._templates = templates

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        causes = _causes(Headers(scope=scope))
        with telemetry.caused_by(causes):
            answer = _AnswerSender(scope, receive, send, causes)
            try:
                await self.app(scope, receive, answer.send)
            except Exception:
                # The failure was answered and logged inside. Only an answer that broke off half-way goes on to the
                # server, which closes the connection so that a half answer is not taken for a whole one.
                if not answer.complete:
                    raise
            finally:
                self._record(scope, answer)

    def _record(self, scope: Scope, answer: "_AnswerSender") -> None:
        seconds = time.perf_counter() - answer.started_at
        route = scope.get("route")
        template = self._templates.get(id(route)) or getattr(route, "path", None)
        self._metrics.request_answered(scope["method"], template, answer.status, seconds)
        principal: Principal | None = scope.get("redress.principal")
        _log.log(
            _level(scope["path"], answer.status),
            "request",
            method=scope["method"][:20],
            path=scope["path"][:300],  # without the query, which may carry what people searched for
            route=template,
            status=answer.status if answer.complete else "broken off",
            duration_ms=round(seconds * 1_000, 1),
            tenant=principal.tenant if principal else None,
            actor=principal.subject if principal else None,
        )


class _AnswerSender:
    """Send the answer with the headers that every answer has."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, causes: Causes) -> None:
        self.started_at = time.perf_counter()
        self.status = 0
        self.complete = False
        self._scope, self._receive, self._send = scope, receive, send
        self._causes = causes
        self._replaced = False

    async def send(self, message: Message) -> None:
        if self._replaced:
            return
        if message["type"] == "http.response.start":
            self.status = message["status"]
            if self.status == 413 and Headers(raw=message["headers"]).get("content-type") != MEDIA_TYPE:
                # Starlette's body limit answers in plain text of its own.
                self._replaced = True
                refusal = problem_response(kernel_problem("body_too_large", "send less at once"))
                await refusal(self._scope, self._receive, self._pass_on)
                return
        await self._pass_on(message)

    async def _pass_on(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            headers: list[tuple[bytes, bytes]] = message["headers"]
            named = {name for name, _ in headers}
            headers += [header for header in _DEFAULT_HEADERS if header[0] not in named]
            headers.append((b"x-request-id", (self._causes.request_id or "").encode()))
            headers.append((b"x-correlation-id", self._causes.correlation_id.encode()))
        elif message["type"] == "http.response.body" and not message.get("more_body", False):
            self.complete = True
        await self._send(message)


def _causes(headers: Headers) -> Causes:
    """The caller's own ids where they are plain enough to be stored and logged, fresh ones otherwise."""
    request_id = telemetry.safe_id(headers.get("x-request-id")) or public_id("req", new_uuid())
    received = telemetry.parse_traceparent(headers.get("traceparent"))
    return Causes(
        correlation_id=telemetry.safe_id(headers.get("x-correlation-id")) or request_id,
        traceparent=telemetry.new_trace() if received is None else received.child(),
        request_id=request_id,
    )


def _level(path: str, status: int) -> int:
    if status >= 500:
        return 40
    return 10 if path in _QUIET else 20


def _operation_id(route: APIRoute) -> str:
    return route.name
