"""The document of each stream of one type, version by version, with the time during which it was the known one.

For lists as known at a past instant. Follows the own log: one row per version, from the time it was recorded until the
next one was. The table is registered by `es.keeps_versions`, which gives it the columns of lists.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from itertools import pairwise
from typing import Generic, TypeVar
from uuid import UUID

from msgspec import Struct

from redress.decider import Decider, fold_stored
from redress.eventlog.connections import Connection
from redress.eventlog.events import RecordedEvent

S = TypeVar("S")
E = TypeVar("E")


class KnownVersion(Struct, frozen=True, kw_only=True):
    """A stream's document (JSON) at a version. `known_until` None: no later version is recorded."""

    tenant_id: str
    stream_id: UUID
    version: int
    known_from: datetime
    known_until: datetime | None
    doc: str


_INSERT = """
INSERT INTO {table} AS h (tenant_id, stream_id, version, known_from, known_until, doc)
SELECT * FROM unnest($1::text[], $2::uuid[], $3::bigint[], $4::timestamptz[], $5::timestamptz[], $6::jsonb[])
ON CONFLICT (stream_id, version) DO UPDATE SET known_until = excluded.known_until WHERE h.known_until IS NULL
"""
_CLOSE = """
UPDATE {table} AS h SET known_until = n.known_from
FROM unnest($1::uuid[], $2::bigint[], $3::timestamptz[]) AS n(stream_id, version, known_from)
WHERE h.stream_id = n.stream_id AND h.version = n.version - 1 AND h.known_until IS NULL
"""
_BEFORE = """
SELECT e.stream_id, e.version, e.type, e.schema_version, e.payload
FROM unnest($1::text[], $2::uuid[], $3::bigint[]) AS n(tenant_id, stream_id, version)
JOIN es.event e ON e.stream_id = n.stream_id AND e.tenant_id = n.tenant_id AND e.version < n.version
ORDER BY e.stream_id, e.version
"""


class VersionHistory(Generic[S, E]):
    """The projection that keeps every version's document in `table`, for any decider that has a document."""

    def __init__(self, decider: Decider[S, E], name: str, table: str) -> None:
        if decider.document is None:
            raise ValueError(f"a {decider.stream_type} has no document whose versions could be kept")
        self._decider = decider
        self._document = decider.document
        self.name = name
        self.tables = (table,)
        self._insert = _INSERT.format(table=table)
        self._close = _CLOSE.format(table=table)

    async def apply(self, connection: Connection, events: Sequence[RecordedEvent]) -> None:
        """Add the versions that these events made. ValueError if one of a stream's events is missing among them."""
        new: dict[UUID, list[RecordedEvent]] = defaultdict(list)
        for event in events:
            if event.stream_type == self._decider.stream_type:
                new[event.stream_id].append(event)
        continued = [history[0] for history in new.values() if history[0].version > 1]
        before = await self._states_before(connection, continued)
        rows = [
            known
            for stream_id, history in new.items()
            for known in self.project(history, before.get(stream_id, (0, self._decider.initial)))
        ]
        if rows:
            await connection.execute(self._insert, *_columns(rows))
        if continued:
            await connection.execute(
                self._close,
                [event.stream_id for event in continued],
                [event.version for event in continued],
                [event.recorded_at for event in continued],
            )

    def project(self, history: Sequence[RecordedEvent], known: tuple[int, S] | None = None) -> Iterator[KnownVersion]:
        """What was known after each of these events of one stream, which follow `known`, its version and state then;
        None: they are its first ones. Pure. ValueError if an event is missing."""
        decider = self._decider
        version, state = known or (0, decider.initial)
        for event, following in pairwise((*history, None)):
            if event is None or event.version != version + 1:
                raise ValueError(f"the event after version {version} is missing")
            version = event.version
            state = decider.evolve(state, decider.codec.decode(event.type, event.schema_version, event.payload))
            document = self._document(event.stream_id, version, state)
            if document is None:
                continue
            yield KnownVersion(
                tenant_id=event.tenant_id,
                stream_id=event.stream_id,
                version=version,
                known_from=event.recorded_at,
                known_until=None if following is None else following.recorded_at,
                doc=document.decode(),
            )

    async def _states_before(
        self, connection: Connection, firsts: Sequence[RecordedEvent]
    ) -> Mapping[UUID, tuple[int, S]]:
        """Version and state of each stream before the given event of it."""
        if not firsts:
            return {}
        facts: dict[UUID, list[tuple[int, str, int, bytes]]] = defaultdict(list)
        for stream_id, *fact in await connection.fetch(
            _BEFORE,
            [event.tenant_id for event in firsts],
            [event.stream_id for event in firsts],
            [event.version for event in firsts],
        ):
            facts[stream_id].append(tuple(fact))
        return {stream_id: fold_stored(self._decider, found) for stream_id, found in facts.items()}


def _columns(rows: Sequence[KnownVersion]) -> tuple[list[object], ...]:
    return (
        [known.tenant_id for known in rows],
        [known.stream_id for known in rows],
        [known.version for known in rows],
        [known.known_from for known in rows],
        [known.known_until for known in rows],
        [known.doc for known in rows],
    )
