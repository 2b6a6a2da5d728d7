"""Which document of a stream was the known one, and when, for any decider that has one."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import asyncpg
import msgspec
import pytest
import pytest_asyncio
from msgspec import Struct
from support.databases import MakeDatabase
from support.event_log import a_write, install_event_log, stream_id

from redress.codec import Codec
from redress.decider import Decider
from redress.eventlog.events import RecordedEvent
from redress.eventlog.postgres import PostgresEventLog
from redress.projections.version_history import KnownVersion, VersionHistory


class NoteAdded(Struct, frozen=True):
    note: str


Notes = tuple[str, ...]
NOTES: Decider[Notes, NoteAdded] = Decider(
    stream_type="note",
    initial=(),
    evolve=lambda state, event: (*state, event.note),
    codec=Codec({"note-added": (1, NoteAdded)}),
    document=lambda _stream, _version, state: None if state == ("draft",) else msgspec.json.encode(state),
)
TABLE = """
SET ROLE redress_owner;
CREATE TABLE read.note_history (
  tenant_id text NOT NULL, stream_id uuid, version bigint, known_from timestamptz NOT NULL, known_until timestamptz,
  doc jsonb NOT NULL, PRIMARY KEY (stream_id, version)
);
SELECT es.protect('read.note_history'), es.keeps_versions('note', 'read.note_history');
"""


@dataclass
class House:
    log: PostgresEventLog
    worker: asyncpg.Connection
    history: VersionHistory[Notes, NoteAdded]

    async def noted(self, stream: str, *notes: str) -> list[RecordedEvent]:
        """All events of the stream."""
        before = len(await self.log.read_stream("acme", stream_id(stream)))
        await self.log.append("acme", [a_write(stream, before, *notes)])
        return list(await self.log.read_stream("acme", stream_id(stream)))

    async def apply(self, events: Sequence[RecordedEvent]) -> None:
        async with self.worker.transaction():
            await self.history.apply(self.worker, events)

    async def rows(self) -> list[KnownVersion]:
        rows = await self.worker.fetch(
            "SELECT tenant_id, stream_id, version, known_from, known_until, doc::text AS doc FROM read.note_history"
            " ORDER BY stream_id, version"
        )
        return [KnownVersion(**dict(row)) for row in rows]


@pytest_asyncio.fixture
async def house(make_database: MakeDatabase) -> AsyncIterator[House]:
    database = await make_database("dispute", prepare=install_event_log)
    owner = await asyncpg.connect(database.owner)
    await owner.execute(TABLE)
    await owner.close()
    worker = await asyncpg.connect(database.worker, server_settings={"search_path": "read, es"})
    async with PostgresEventLog.open(database.api) as log:
        yield House(log, worker, VersionHistory(NOTES, name="note-history", table="note_history"))
    await worker.close()


def _spoken(rows: Sequence[KnownVersion]) -> list[tuple[int, object]]:
    return [(row.version, msgspec.json.decode(row.doc)) for row in rows]


async def test_each_version_is_known_until_the_next_was_recorded(house: House) -> None:
    events = await house.noted("a", "one", "two", "three")
    await house.apply(events)
    rows = await house.rows()
    assert _spoken(rows) == [(1, ["one"]), (2, ["one", "two"]), (3, ["one", "two", "three"])]
    times = [event.recorded_at for event in events]
    assert [(row.known_from, row.known_until) for row in rows] == [
        *pairwise(times),
        (times[2], None),
    ]


@pytest.mark.parametrize("cut", [1, 2, 3])
async def test_however_the_events_are_cut_into_batches_the_rows_are_the_same(house: House, cut: int) -> None:
    events = await house.noted("a", "one", "two", "three", "four")
    other = await house.noted("b", "else")
    await house.apply([*events[:cut], *other])
    await house.apply(events[cut:])
    cut_rows = await house.rows()
    await house.worker.execute("DELETE FROM note_history")
    await house.apply([*events, *other])
    assert await house.rows() == cut_rows
    assert len(cut_rows) == 5


async def test_events_that_are_applied_again_change_nothing(house: House) -> None:
    events = await house.noted("a", "one", "two", "three")
    await house.apply(events)
    rows = await house.rows()
    await house.apply(events)
    await house.apply(events[1:])
    assert await house.rows() == rows


async def test_a_version_without_a_document_has_no_row(house: House) -> None:
    await house.apply(await house.noted("a", "draft", "one"))
    assert _spoken(await house.rows()) == [(2, ["draft", "one"])]


async def test_a_missing_event_is_not_passed_over(house: House) -> None:
    events = await house.noted("a", "one", "two", "three")
    with pytest.raises(ValueError, match="the event after version 1 is missing"):
        await house.apply([events[0], events[2]])
    assert await house.rows() == []


def test_a_decider_without_a_document_has_no_history() -> None:
    bare = msgspec.structs.replace(NOTES, document=None)
    with pytest.raises(ValueError, match="no document"):
        VersionHistory(bare, name="x", table="x")
