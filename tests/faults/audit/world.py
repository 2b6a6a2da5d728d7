"""Where the audit looks: three databases, the topics, the folder of mails, and what the clients wrote down."""

from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import msgspec
from msgspec import Struct

from faults.deployment import Address
from faults.history import AnyLine, read_history

PAGE = 5_000


class AuditedEvent(Struct, frozen=True, kw_only=True):
    """An event as the database has it, decoded as plain JSON: none of the services' code is asked."""

    seq: int
    tenant: str
    stream: UUID
    stream_type: str
    version: int
    event_id: UUID
    type: str
    data: dict[str, Any]
    meta: dict[str, Any]
    recorded_at: datetime


class World:
    """Open connections, as superuser: the audit must see every tenant."""

    def __init__(self, address: Address, databases: dict[str, asyncpg.Connection]) -> None:
        self.address = address
        self.databases = databases
        self.mail = Path(address.mail)

    def history(self) -> Iterator[AnyLine]:
        path = Path(self.address.history)
        return read_history(path) if path.exists() else iter(())

    async def events(self, service: str, stream_type: str | None = None) -> AsyncIterator[AuditedEvent]:
        """The whole log in order, or what of it belongs to one type of stream."""
        connection = self.databases[service]
        async with connection.transaction(readonly=True):
            await connection.execute("SET LOCAL work_mem = '256MB'")
            cursor = connection.cursor(
                "SELECT l.seq, e.tenant_id, e.stream_id, e.stream_type, e.version, e.event_id, e.type, e.payload,"
                " e.meta, e.recorded_at FROM es.log l JOIN es.event e ON e.id = l.id"
                " WHERE $1::text IS NULL OR e.stream_type = $1 ORDER BY l.seq",
                stream_type,
                prefetch=PAGE,
            )
            async for row in cursor:
                yield AuditedEvent(
                    seq=row["seq"],
                    tenant=row["tenant_id"],
                    stream=row["stream_id"],
                    stream_type=row["stream_type"],
                    version=row["version"],
                    event_id=row["event_id"],
                    type=row["type"],
                    data=msgspec.json.decode(row["payload"]),
                    meta=msgspec.json.decode(row["meta"]),
                    recorded_at=row["recorded_at"],
                )

    async def rows(self, service: str, sql: str, *arguments: object) -> list[asyncpg.Record]:
        return list(await self.databases[service].fetch(sql, *arguments, timeout=600))

    async def value(self, service: str, sql: str, *arguments: object) -> Any:  # noqa: ANN401 - a column of any type
        return await self.databases[service].fetchval(sql, *arguments, timeout=600)


@asynccontextmanager
async def open_world(address: Address) -> AsyncIterator[World]:
    async with AsyncExitStack() as stack:
        databases: dict[str, asyncpg.Connection] = {}
        for service, dsn in address.databases.items():
            connection = await asyncpg.connect(dsn)
            stack.push_async_callback(connection.close)
            databases[service] = connection
        yield World(address, databases)
