"""Commands on one stream, one after the other.

Optimistic concurrency lets one of many writers of a stream through and sends the others back to read again: with 32
commands in flight on one stream most of the work is thrown away. Inside one process they queue instead. These locks
keep a stream fast; the expected version of each append keeps it right, also against other processes.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from uuid import UUID

from redress.eventlog.log import LogUnavailable

WAITING_LIMIT = 1_000  # on one stream; a later command would wait for longer than its caller does
WAITING_S = 5.0  # while the database is away no command waits for all those before it


class StreamLocks:
    """One per process and log."""

    def __init__(self) -> None:
        self._locks: dict[UUID, asyncio.Lock] = {}
        self._users: dict[UUID, int] = {}

    @asynccontextmanager
    async def hold(self, streams: Iterable[UUID]) -> AsyncIterator[None]:
        """Hold these streams' locks, first come, first served.

        LogUnavailable when too many are waiting already, or the locks do not come in time. Take all streams of a
        command at once: a holder that asks for another one later may wait for ever.
        """
        held: list[UUID] = []
        try:
            for stream in sorted(set(streams)):  # in one order, so that two commands never hold what the other wants
                await self._take(stream)
                held.append(stream)
            yield
        finally:
            for stream in held:
                self._locks[stream].release()
                self._leave(stream)

    async def _take(self, stream: UUID) -> None:
        users = self._users.get(stream, 0)
        if users >= WAITING_LIMIT:
            raise LogUnavailable("too many commands are waiting for this stream")
        self._users[stream] = users + 1
        lock = self._locks.setdefault(stream, asyncio.Lock())
        try:
            if lock.locked():
                async with asyncio.timeout(WAITING_S):
                    await lock.acquire()
            else:
                await lock.acquire()
        except TimeoutError:
            self._leave(stream)
            raise LogUnavailable("the commands before this one on the same stream take too long") from None
        except BaseException:
            self._leave(stream)
            raise

    def _leave(self, stream: UUID) -> None:
        if self._users[stream] == 1:
            del self._users[stream], self._locks[stream]
        else:
            self._users[stream] -= 1
