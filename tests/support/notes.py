"""A service for tests that stores notes, publishes those that are not secret, and a read model of what it saw.

The read model has no key: an event applied twice shows as two rows.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from uuid import UUID

import asyncpg
import msgspec
from msgspec import Raw
from support.databases import Database
from support.event_log import install_event_log

from redress.contracts.envelope import PublishedEvent
from redress.eventlog.connections import Connection
from redress.eventlog.events import RecordedEvent, decode_meta
from redress.eventlog.log import EventLog
from redress.ids import public_id

SOURCE = "/redress/notes-service/main"


TABLES = """
CREATE TABLE read.seen (
  tenant_id text NOT NULL, stream_id uuid NOT NULL, version bigint NOT NULL, seq bigint NOT NULL, note text NOT NULL
);
CREATE INDEX seen_of_stream ON read.seen (tenant_id, stream_id, version);
SELECT es.protect('read.seen');
"""


async def install_notes(database: Database) -> None:
    """The event log and the tables of the read model."""
    await install_event_log(database)
    connection = await asyncpg.connect(database.owner)
    try:
        await connection.execute(TABLES)
    finally:
        await connection.close()


@asynccontextmanager
async def worker_pool(database: Database) -> AsyncIterator[asyncpg.Pool]:
    async with asyncpg.create_pool(database.worker, min_size=1, max_size=4) as pool:
        yield pool


def note_of(payload: bytes) -> str:
    return str(msgspec.json.decode(payload)["note"])


class NotesPublication:
    """Publishes every note that does not begin with `secret`."""

    def __init__(self, log: EventLog, source: str = SOURCE) -> None:
        self._log = log
        self._source = source

    async def publish(self, events: Sequence[RecordedEvent]) -> list[PublishedEvent]:
        epoch = await self._log.epoch()
        return [
            PublishedEvent(
                id=public_id("evt", event.event_id),
                source=self._source,
                type=event.type,
                subject=event.stream_id,
                tenant=event.tenant_id,
                time=event.recorded_at,
                effective_at=event.effective_at,
                seq=event.seq or 0,
                epoch=epoch,
                version=event.version,
                dataschema="/schemas/note-added/1",
                correlation_id=decode_meta(event.meta).correlation_id,
                data=Raw(event.payload),
            )
            for event in events
            if not note_of(event.payload).startswith("secret")
        ]


class PoisonedError(Exception):
    """The failure of a handler in these tests."""


class SeenNotes:
    """Writes every note it sees. Notes in `poison` cannot be applied."""

    tables: tuple[str, ...] = ("seen",)

    def __init__(self, name: str = "seen", poison: Sequence[str] = ()) -> None:
        self.name = name
        self.poison = set(poison)
        self.batches: list[list[str]] = []

    async def apply(self, connection: Connection, events: Sequence[RecordedEvent | PublishedEvent]) -> None:
        rows = [_row(event) for event in events]
        self.batches.append([row[4] for row in rows])
        for row in rows:
            if row[4] in self.poison:
                raise PoisonedError(row[4])
        await connection.executemany("INSERT INTO seen VALUES ($1, $2, $3, $4, $5)", rows)


def _row(event: RecordedEvent | PublishedEvent) -> tuple[str, UUID, int, int, str]:
    if isinstance(event, RecordedEvent):
        return event.tenant_id, event.stream_id, event.version, event.seq or 0, note_of(event.payload)
    return event.tenant, event.subject, event.version, event.seq, note_of(bytes(event.data))


async def notes_seen(connection: asyncpg.Pool | asyncpg.Connection, schema: str = "read") -> list[str]:
    """The notes in the order in which they were published."""
    return [row["note"] for row in await connection.fetch(f"SELECT note FROM {schema}.seen ORDER BY seq")]
