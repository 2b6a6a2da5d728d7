"""The three places a unit of work reads from: the log, the cache in front of it, and an open transaction."""

from collections.abc import Collection, Mapping
from typing import Any
from uuid import UUID

from redress.decider import fold_stored
from redress.eventlog.connections import Connection
from redress.eventlog.events import StoredEvent
from redress.eventlog.log import EventLog
from redress.handling.state_cache import StateCache
from redress.handling.unit_of_work import Streams

_IN_TRANSACTION = """
SELECT e.stream_id, e.version, e.type, e.schema_version, e.payload
FROM es.event e WHERE e.tenant_id = $1 AND e.stream_id = ANY ($2) ORDER BY e.stream_id, e.version
"""


class LogReader:
    """Streams as they are committed, from the version on that the cache knows."""

    def __init__(self, log: EventLog, tenant_id: str, cache: StateCache, epoch: str) -> None:
        self._log = log
        self._tenant_id = tenant_id
        self._cache = cache
        self._epoch = epoch

    async def read(self, streams: Streams) -> Mapping[UUID, tuple[int, Any]]:
        known = {each: self._cache.get(self._epoch, self._tenant_id, each) for each in streams}
        after = {each: 0 if before is None else before[0] for each, before in known.items()}
        inputs = await self._log.read_for_command(self._tenant_id, None, after)
        return {each: fold_stored(streams[each], stored, known[each]) for each, stored in inputs.streams.items()}


class CacheReader:
    """Streams as the cache knows them, however old that is; only what it does not know is read from the log.

    Of the streams that are `presumed_new`, one that the cache does not know is taken for one that does not exist.
    Appends find out either way: they name the versions they were decided on.
    """

    def __init__(
        self,
        reader: LogReader,
        tenant_id: str,
        cache: StateCache,
        epoch: str,
        presumed_new: Collection[UUID] = (),
    ) -> None:
        self._reader = reader
        self._tenant_id = tenant_id
        self._cache = cache
        self._epoch = epoch
        self._presumed_new = presumed_new

    async def read(self, streams: Streams) -> Mapping[UUID, tuple[int, Any]]:
        found = {each: self._cache.get(self._epoch, self._tenant_id, each) for each in streams}
        known = {each: state for each, state in found.items() if state is not None}
        known.update(
            {each: (0, streams[each].initial) for each in self._presumed_new if each in streams and each not in known}
        )
        missing = {each: decider for each, decider in streams.items() if each not in known}
        if missing:
            read = await self._reader.read(missing)
            for each, (version, state) in read.items():
                if version:
                    self._cache.put(self._epoch, self._tenant_id, each, version, state)
            known.update(read)
        return known


class TransactionReader:
    """Streams as this transaction sees them, its own appends included: for reactions and timers."""

    def __init__(self, connection: Connection, tenant_id: str) -> None:
        self._connection = connection
        self._tenant_id = tenant_id

    async def read(self, streams: Streams) -> Mapping[UUID, tuple[int, Any]]:
        stored: dict[UUID, list[StoredEvent]] = {stream_id: [] for stream_id in streams}
        for stream_id, *fact in await self._connection.fetch(_IN_TRANSACTION, self._tenant_id, list(streams)):
            stored[stream_id].append(tuple(fact))
        return {each: fold_stored(decider, stored[each]) for each, decider in streams.items()}
