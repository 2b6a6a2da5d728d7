"""Takes in again what was parked, in order, once the handler can.

May run beside the live consumer, in another process too: both lock the checkpoint. As long as anything of a stream is
parked, its new events are parked behind it; with the last one released the stream is free.
"""

from collections.abc import Sequence
from typing import Generic, TypeVar
from uuid import UUID

import asyncpg
import structlog

from redress.messaging.source import Source
from redress.projections import checkpoints, parking
from redress.projections.database import DatabaseGone, text_of, working_on
from redress.projections.projection import Projection

E = TypeVar("E")

_log = structlog.stdlib.get_logger("redress.projections")


class Unparking(Generic[E]):
    """`key` is the consumer's, `parkers` are its names in es.parked."""

    def __init__(
        self,
        pool: asyncpg.Pool,
        projection: Projection[E],
        source: Source[E],
        *,
        key: checkpoints.ConsumerKey,
        parkers: Sequence[str],
    ) -> None:
        self._pool = pool
        self._projection = projection
        self._source = source
        self._key = key
        self._parkers = parkers

    async def streams(self) -> list[UUID]:
        """Streams with parked events, the one that waits longest first."""
        async with working_on(self._pool) as connection:
            return [stream for parker in self._parkers for stream in await parking.streams(connection, parker)]

    async def release(self, stream: UUID) -> int:
        """Apply the parked events of a stream until one fails again. How many were applied."""
        applied = 0
        while (first := await self._first(stream)) is not None:
            parker, shard, seq = first
            item = await self._source.one(shard, seq)
            try:
                async with working_on(self._pool) as connection, connection.transaction():
                    await checkpoints.lock(connection, self._key, [shard])
                    if await parking.first_of(connection, parker, stream) != (shard, seq):
                        continue  # another release was quicker
                    await self._projection.apply(connection, [item.event])
                    await parking.release(connection, parker, seq)
            except DatabaseGone:
                raise
            except Exception as failure:  # noqa: BLE001 - it stays parked, and says why
                _log.error(
                    "unpark_failed", consumer=self._key.label, seq=seq, stream=str(stream), error=text_of(failure)
                )
                async with working_on(self._pool) as connection:
                    await parking.failed_again(connection, parker, seq, text_of(failure))
                return applied
            applied += 1
            _log.info("event_unparked", consumer=self._key.label, seq=seq, stream=str(stream))
        return applied

    async def _first(self, stream: UUID) -> tuple[str, int, int] | None:
        async with working_on(self._pool) as connection:
            for parker in self._parkers:
                if (first := await parking.first_of(connection, parker, stream)) is not None:
                    return parker, *first
        return None
