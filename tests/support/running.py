"""A part that runs beside the test and is stopped with it, also when the test fails: red must not mean hanging."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager


@asynccontextmanager
async def running(part: Callable[[asyncio.Event], Awaitable[object]]) -> AsyncIterator[None]:
    """`part` until the block ends. If it died meanwhile, its failure is raised there."""
    stop = asyncio.Event()
    task = asyncio.ensure_future(part(stop))
    try:
        yield
    finally:
        stop.set()
        await task
