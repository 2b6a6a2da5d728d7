"""Running work until a stop is asked for."""

import asyncio
from collections.abc import Coroutine
from typing import Any


async def run_until_stopped(stop: asyncio.Event, work: Coroutine[Any, Any, object]) -> None:
    """Run `work` until `stop` is set, then cancel it. An earlier failure of `work` is raised.

    `work` may be cut off anywhere: its effects are transactions, or are repeated from a checkpoint.
    """
    working = asyncio.create_task(work)
    stopping = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            working.result()
    finally:
        working.cancel()
        stopping.cancel()
        await asyncio.gather(working, stopping, return_exceptions=True)
