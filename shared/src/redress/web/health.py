"""Is the process alive, may it get requests, has it started: three questions with three answers.

`/livez` touches nothing: an outage of the database must not make an orchestrator restart every process. `/readyz` asks
the database and nothing else: commands are accepted while Kafka is down.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Annotated

import msgspec
import structlog
from fastapi import APIRouter, Query
from starlette.responses import Response

from redress.web.openapi import answers
from redress.web.problem import kernel_problem, problem_response

CHECK_TIMEOUT_S = 2.0

Check = Callable[[], Awaitable[object]]  # succeeds by returning, fails by raising

_log = structlog.stdlib.get_logger("redress.web.health")


class Health:
    """`ready` are the checks of every readiness question; `started` must succeed once (migrations at head, say)."""

    def __init__(self, *, ready: Mapping[str, Check], started: Mapping[str, Check] | None = None) -> None:
        self._ready = dict(ready)
        self._started = dict(started or {})
        self._running = False
        self._has_started = False

    def running(self, running: bool) -> None:
        """The app's lifespan calls this. A draining process is alive and not ready."""
        self._running = running

    async def readiness(self) -> dict[str, str]:
        """Each check and `ok` or the kind of its failure. Failure texts go to the log only."""
        return await _run(self._ready)

    async def startup(self) -> dict[str, str]:
        if not self._running:
            return {"lifespan": "not running"}
        if self._has_started:
            return {"lifespan": "ok"}
        found = {"lifespan": "ok", **await _run(self._started)}
        self._has_started = all(state == "ok" for state in found.values())
        return found


Verbose = Annotated[str | None, Query(description="Present: name each check.", max_length=10)]


def health_routes(health: Health) -> APIRouter:
    router = APIRouter(tags=["health"])

    @router.get("/livez", summary="The process answers")
    @answers(str, media_type="text/plain", problems=["unavailable"])
    async def livez(verbose: Verbose = None) -> Response:
        return _answer({}, verbose)

    @router.get("/readyz", summary="The database answers")
    @answers(str, media_type="text/plain", problems=["unavailable"])
    async def readyz(verbose: Verbose = None) -> Response:
        return _answer(await health.readiness(), verbose)

    @router.get("/startupz", summary="The process has started")
    @answers(str, media_type="text/plain", problems=["unavailable"])
    async def startupz(verbose: Verbose = None) -> Response:
        return _answer(await health.startup(), verbose)

    return router


async def _run(checks: Mapping[str, Check]) -> dict[str, str]:
    states = await asyncio.gather(*(_state(name, check) for name, check in checks.items()))
    return dict(zip(checks, states, strict=True))


async def _state(name: str, check: Check) -> str:
    try:
        async with asyncio.timeout(CHECK_TIMEOUT_S):
            await check()
    except Exception as error:  # noqa: BLE001 - any failure of a check is its answer
        _log.warning("health check failed", check=name, reason=f"{type(error).__name__}: {error}"[:300])
        return type(error).__name__
    return "ok"


def _answer(checks: Mapping[str, str], verbose: str | None) -> Response:
    well = all(state == "ok" for state in checks.values())
    status, headers = (200 if well else 503), {"Cache-Control": "no-store"}
    if verbose is not None:
        content = {"status": "ok" if well else "unavailable", "checks": checks}
        return Response(msgspec.json.encode(content), status, headers, "application/json")
    if well:
        return Response("ok", status, headers, "text/plain")
    return problem_response(kernel_problem("unavailable"))
