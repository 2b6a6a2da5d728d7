"""The counters of a process, for Prometheus. Each app has its own registry, so that two can live in one process."""

from fastapi import APIRouter
from prometheus_client import CollectorRegistry, GCCollector, Histogram, PlatformCollector, ProcessCollector
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from starlette.responses import Response

from redress.web.openapi import answers

_METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
# From a cached read (1 ms) to a long poll of a feed (30 s).
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


class Metrics:
    """The registry that all parts of a process register with, and the HTTP histogram.

    Labels are route templates, never paths: ids in labels would grow without bound.
    """

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        GCCollector(registry=self.registry)
        self._requests = Histogram(
            "http_server_request_duration_seconds",
            "Time from the request's first byte to the answer's last.",
            ("method", "route", "status"),
            buckets=_SECONDS,
            registry=self.registry,
        )

    def request_answered(self, method: str, route: str | None, status: int, seconds: float) -> None:
        """`route` is the template (`/v1/disputes/{id}`), None when no route has the path."""
        known = method if method in _METHODS else "OTHER"
        self._requests.labels(known, route or "unmatched", str(status)).observe(seconds)

    def exposition(self) -> bytes:
        return generate_latest(self.registry)


def metrics_routes(metrics: Metrics) -> APIRouter:
    router = APIRouter(tags=["health"])

    @router.get("/metrics", summary="Counters and histograms for Prometheus", response_class=Response)
    @answers(str, media_type="text/plain")
    async def read_metrics() -> Response:
        return Response(metrics.exposition(), headers={"Cache-Control": "no-store"}, media_type=CONTENT_TYPE_LATEST)

    return router
