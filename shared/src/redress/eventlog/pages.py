"""The log from a position to its end, page by page."""

import asyncio
from collections.abc import AsyncGenerator, Sequence

from redress.eventlog.events import RecordedEvent
from redress.eventlog.log import EventLog

PAGE = 1_000  # events; two pages are in memory at once


async def pages(
    log: EventLog,
    after_seq: int = 0,
    *,
    size: int = PAGE,
    tenant_id: str | None = None,
    types: Sequence[str] | None = None,
) -> AsyncGenerator[list[RecordedEvent], None]:
    """Pages of at most `size` events in log order; it ends where the log ended when the last page was read.

    The database looks the next page up while the caller works on this one.
    """

    async def read(after: int) -> list[RecordedEvent]:
        return await log.read_log(after, size, tenant_id=tenant_id, types=types)

    coming = asyncio.create_task(read(after_seq))
    try:
        while page := await coming:
            coming = asyncio.create_task(read(page[-1].seq or 0))
            await asyncio.sleep(0)  # lets the question go out before the caller keeps the process busy
            yield page
    finally:
        coming.cancel()
        await asyncio.gather(coming, return_exceptions=True)
