"""A real uvicorn on a random loopback port, in the test's own event loop."""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import _GeneratorContextManager, asynccontextmanager, contextmanager
from typing import Any

import uvicorn
from starlette.types import ASGIApp
from support.eventually import eventually


@asynccontextmanager
async def serving(app: ASGIApp, **settings: Any) -> AsyncIterator[str]:
    """The base address (`http://127.0.0.1:port`) of the app while the block runs."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        server_header=False,
        lifespan=settings.pop("lifespan", "auto"),
        **settings,
    )
    server = _Server(config)
    running = asyncio.create_task(server.serve(sockets=[listener]))

    async def settled() -> bool:
        return server.started or running.done()

    try:
        await eventually(settled)
        if running.done():
            running.result()
            raise AssertionError("the server did not start")
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        await running
        listener.close()


@contextmanager
def _nothing_captured() -> Iterator[None]:
    """The signals belong to pytest."""
    yield


class _Server(uvicorn.Server):
    def capture_signals(self) -> _GeneratorContextManager[None]:
        return _nothing_captured()
