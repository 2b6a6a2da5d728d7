"""Connections that are held for short reads: taking one out of a pool costs more than the query it is taken for."""

import asyncio

import asyncpg

Connection = asyncpg.Connection | asyncpg.pool.PoolConnectionProxy
"""A connection of one's own or one that a pool has lent."""

ACQUIRE_S = 2.0


class HeldConnections:
    """Up to `limit` connections of one role, opened when they are first needed, the last used one used next."""

    def __init__(self, dsn: str, limit: int, statement_timeout_s: float) -> None:
        self._dsn = dsn
        self._statement_timeout_s = statement_timeout_s
        self._free = asyncio.Semaphore(limit)
        self._idle: list[asyncpg.Connection] = []

    async def fetch(self, sql: str, *arguments: object) -> list[asyncpg.Record]:
        """The rows of one statement. TimeoutError when no connection gets free in time, and what asyncpg raises."""
        if self._free.locked():
            async with asyncio.timeout(ACQUIRE_S):
                await self._free.acquire()
        else:
            await self._free.acquire()
        try:
            connection = self._one_that_lives() or await self._connect()
            try:
                rows: list[asyncpg.Record] = await connection.fetch(sql, *arguments)
            except asyncpg.PostgresError:
                self._idle.append(connection)  # the server refused the statement; the connection has survived that
                raise
            except BaseException:
                connection.terminate()  # in the middle of an answer, perhaps
                raise
            self._idle.append(connection)
            return rows
        finally:
            self._free.release()

    def close(self) -> None:
        for connection in self._idle:
            connection.terminate()
        self._idle.clear()

    def _one_that_lives(self) -> asyncpg.Connection | None:
        while self._idle:
            connection = self._idle.pop()
            if not connection.is_closed():
                return connection
        return None

    async def _connect(self) -> asyncpg.Connection:
        return await asyncpg.connect(self._dsn, command_timeout=self._statement_timeout_s, timeout=ACQUIRE_S)
