"""Doing something until it is asked to end."""

import asyncio
from collections.abc import Coroutine
from typing import Any


async def run_until_stopped(stop: asyncio.Event, work: Coroutine[Any, Any, object]) -> None:
    """Let `work` go on until `stop` is set, and cancel it then. If it fails before, its failure is raised.

    For work that may be cut off anywhere: what it does is a transaction, or is done again from a checkpoint.
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
