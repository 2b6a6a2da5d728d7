"""An event log for tests: one good example of an event, and a database that holds nothing but the log."""

from datetime import UTC, datetime
from uuid import UUID

import asyncpg
from support.databases import Database

from redress.eventlog.events import Actor, CommandRecord, Meta, NewEvent, StreamWrite, encode_meta
from redress.eventlog.migrations import log_script, naming_script
from redress.ids import derived_uuid, new_uuid

EFFECTIVE = datetime(2026, 3, 30, 16, 2, tzinfo=UTC)
META = encode_meta(Meta(actor=Actor("person", "a.roth"), command_id="c-1", correlation_id="r-1"))


async def install_event_log(database: Database) -> None:
    connection = await asyncpg.connect(database.owner)
    try:
        async with connection.transaction():
            for name in ("schema", "schema_batched_reads"):
                await connection.execute(log_script(name))
            await connection.execute(naming_script(f"{database.like}-service") + log_script("schema_0_2"))
            for name in ("schema_documents", "schema_operations"):
                await connection.execute(log_script(name))
    finally:
        await connection.close()


def an_event(note: str = "a fact", *, event_id: UUID | None = None) -> NewEvent:
    return NewEvent(
        event_id=event_id or new_uuid(),
        type="note-added",
        schema_version=1,
        payload=b'{"note":"%s"}' % note.encode(),
        meta=META,
        effective_at=EFFECTIVE,
    )


def a_write(stream: UUID | str, expected: int, *events: NewEvent | str, current: bytes | None = None) -> StreamWrite:
    """Events for a stream; a stream or an event given as text is made from it."""
    return StreamWrite(
        stream_id=stream_id(stream) if isinstance(stream, str) else stream,
        stream_type="note",
        expected=expected,
        events=tuple(an_event(event) if isinstance(event, str) else event for event in events),
        current=current,
    )


def stream_id(name: str) -> UUID:
    return derived_uuid("test-stream", name)


def a_command(key: str, *, request: bytes = b"the request", response: bytes = b'{"ok":true}') -> CommandRecord:
    return CommandRecord(key=key, fingerprint=request, status=201, response=response)
