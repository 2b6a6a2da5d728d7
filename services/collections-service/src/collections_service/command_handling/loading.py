"""Reading streams, a few at a time: a batch of a thousand items must not queue a thousand reads at the log's
connections, where waiting too long counts as an outage."""

import asyncio
from typing import TypeVar
from uuid import UUID

from redress.eventlog.aggregates import Aggregate, Loaded, load
from redress.eventlog.log import EventLog

S = TypeVar("S")
E = TypeVar("E")

AT_ONCE = 4  # half of the API's connections: questions are answered while batches are taken


class Loader:
    """One per process."""

    def __init__(self, log: EventLog) -> None:
        self._log = log
        self._gate = asyncio.Semaphore(AT_ONCE)

    async def load(self, aggregate: Aggregate[S, E], tenant_id: str, stream_id: UUID) -> Loaded[S]:
        """The state now, when it is its turn."""
        async with self._gate:
            return await load(self._log, aggregate, tenant_id, stream_id)
