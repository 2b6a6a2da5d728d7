"""Commands on one stream, one after the other.

Optimistic concurrency lets one of many writers of a stream through and sends the others back to load again: with 32
commands in flight on one stream most of the work is thrown away. Inside one process they can as well queue up. This is
not what keeps a stream right (the expected version does, also against other processes), only what keeps it fast.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from uuid import UUID

from redress.eventlog.log import LogUnavailable

WAITING_LIMIT = 1_000  # on one stream; whoever comes then would wait for longer than a caller does


class Turns:
    """One per process and log."""

    def __init__(self) -> None:
        self._locks: dict[UUID, asyncio.Lock] = {}
        self._users: dict[UUID, int] = {}

    @asynccontextmanager
    async def of(self, *streams: UUID) -> AsyncIterator[None]:
        """Be the only one of those who ask here to work on these streams; first come, first served.

        LogUnavailable when too many are waiting already. Take all streams of a command at once: whoever holds one and
        asks for another may wait for ever.
        """
        async with AsyncExitStack() as held:
            for stream in sorted(set(streams)):  # in one order, so that two commands never hold what the other wants
                await held.enter_async_context(self._one(stream))
            yield

    @asynccontextmanager
    async def _one(self, stream: UUID) -> AsyncIterator[None]:
        users = self._users.get(stream, 0)
        if users >= WAITING_LIMIT:
            raise LogUnavailable("too many commands are waiting for this stream")
        self._users[stream] = users + 1
        try:
            async with self._locks.setdefault(stream, asyncio.Lock()):
                yield
        finally:
            if self._users[stream] == 1:
                del self._users[stream], self._locks[stream]
            else:
                self._users[stream] -= 1
