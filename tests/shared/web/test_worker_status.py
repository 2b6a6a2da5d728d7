"""A worker tells health and metrics on a port of its own, and stops with the worker."""

import asyncio

import httpx2 as httpx
from prometheus_client import CollectorRegistry, Gauge
from support.eventually import eventually

from redress.web.worker_status import worker_status
from redress_local.ports import free_ports


async def _well() -> int:
    return 0


async def _broken() -> int:
    raise OSError("no database")


def test_without_a_port_there_is_nothing_to_run() -> None:
    assert worker_status("127.0.0.1", None, CollectorRegistry(), _well) == []


async def test_metrics_and_health_are_served_until_the_worker_stops() -> None:
    (port,) = free_ports(1)
    registry = CollectorRegistry()
    Gauge("consumer_parked", "Events that wait for a person.", registry=registry).set(3)
    (part,) = worker_status("127.0.0.1", port, registry, _broken)
    stop = asyncio.Event()
    running = asyncio.ensure_future(part.run(stop))
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client:

        async def answers() -> httpx.Response | None:
            try:
                return await client.get("/metrics")
            except httpx.HTTPError:
                return None

        metrics = await eventually(answers)
        assert metrics is not None
        assert "consumer_parked 3.0" in metrics.text
        assert (await client.get("/livez")).status_code == 200
        assert (await client.get("/readyz")).status_code == 503
    stop.set()
    await asyncio.wait_for(running, 5)
