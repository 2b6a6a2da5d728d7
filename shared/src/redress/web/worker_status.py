"""Health and metrics of a worker, which has no other routes: the health routes and /metrics on a port of its own."""

import asyncio

import uvicorn
from fastapi import FastAPI
from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from starlette.responses import Response

from redress.ops.run import Part
from redress.web.health import Check, Health, health_routes

_STOP_WITHIN_S = 2


def worker_status(host: str, port: int | None, registry: CollectorRegistry, database: Check) -> list[Part]:
    """The part that serves it; no part where no port was given. The worker is ready when its database answers."""
    if port is None:
        return []
    for collector in (ProcessCollector, PlatformCollector, GCCollector):
        collector(registry=registry)
    health = Health(ready={"database": database})
    health.running(True)
    app = FastAPI(openapi_url=None)
    app.include_router(health_routes(health))

    @app.get("/metrics")
    async def read_metrics() -> Response:
        return Response(
            generate_latest(registry), headers={"Cache-Control": "no-store"}, media_type=CONTENT_TYPE_LATEST
        )

    async def serve(stop: asyncio.Event) -> None:
        config = uvicorn.Config(
            app,
            host=host,
            port=port,
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=_STOP_WITHIN_S,
        )
        await _EmbeddedServer(config).serve_until(stop)

    return [Part("status", serve)]


class _EmbeddedServer(uvicorn.Server):
    """A server inside a process that has its own event loop and its own signal handling."""

    async def serve_until(self, stop: asyncio.Event) -> None:
        serving = asyncio.create_task(self._serve())
        stopped = asyncio.create_task(stop.wait())
        await asyncio.wait({serving, stopped}, return_when=asyncio.FIRST_COMPLETED)
        stopped.cancel()
        self.should_exit = True
        try:
            await serving
        except SystemExit:
            raise OSError(f"could not listen on {self.config.host}:{self.config.port}") from None
