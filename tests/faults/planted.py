"""Services with a bug planted in them, to see that it is caught: python -m faults.planted <bug> <service> <role>

checkpoint-first   a consumer's checkpoint is committed before the effect, instead of with it
insertion-order    consumers of the own log follow the insertion id, instead of the place given after the commit
no-dedupe-key      commands are appended without their idempotency record
"""

import runpy
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from redress.eventlog.connections import Connection
from redress.eventlog.events import AppendResult, CommandRecord, RecordedEvent, StoredAnswer, StreamWrite
from redress.eventlog.postgres import PostgresEventLog
from redress.messaging.log_source import LogSource
from redress.messaging.source import Batch, Mark, SourceItem
from redress.projections import checkpoints
from redress.projections.applying import Applier
from redress.projections.plan import plan


def checkpoint_first() -> None:
    async def transact(self: Applier[Any], connection: Connection, batch: Batch[Any], *, forget: bool = False) -> None:
        async with connection.transaction():
            touched = {item.shard for item in batch.items} | set(batch.offsets) | set(batch.reached)
            marks = await checkpoints.lock(connection, self.key, touched)
            items, moved = plan(batch, marks, numbered=self._numbered)
            await checkpoints.move(connection, self.key, moved)
        if items:
            async with connection.transaction():
                await self._projection.apply(connection, [item.event for item in items])
        self._has_moved({**marks, **moved}, len(items))

    Applier._transact = transact  # type: ignore[method-assign]  # the planted bug


def insertion_order() -> None:
    async def fetch(self: LogSource, marks: Mapping[int, Mark], limit: int, timeout_s: float) -> Batch[RecordedEvent]:
        after = marks[0].seq
        self._epoch = await self._log.epoch()
        log = self._log
        assert isinstance(log, PostgresEventLog)
        rows = await log.pool.fetch(
            "SELECT e.id AS seq, e.tenant_id, e.stream_id, e.version, e.event_id, e.stream_type, e.type,"
            " e.schema_version, e.payload, e.meta, e.effective_at, e.recorded_at, e.prev_hash, e.hash"
            " FROM es.event e WHERE e.id > $1 ORDER BY e.id LIMIT $2",
            after,
            limit,
        )
        if not rows and timeout_s > 0:
            await log.wait_for(self._head + 1, min(timeout_s, 0.05))
        items = tuple(
            SourceItem(
                event=(event := RecordedEvent(**dict(row))),
                shard=0,
                seq=event.seq or 0,
                follows=after,  # a follower of insertion ids cannot know what it misses
                epoch=self._epoch,
                stream=event.stream_id,
                tenant=event.tenant_id,
            )
            for row in rows
        )
        return Batch(items=items, epoch=self._epoch, since=after, behind=0)

    LogSource.fetch = fetch  # type: ignore[method-assign]  # the planted bug


def no_dedupe_key() -> None:
    append = PostgresEventLog.append

    async def forgetful(
        self: PostgresEventLog, tenant_id: str, writes: Sequence[StreamWrite], command: CommandRecord | None = None
    ) -> AppendResult:
        return await append(self, tenant_id, writes, None) if writes else AppendResult({})

    async def never_heard(self: PostgresEventLog, tenant_id: str, key: str) -> StoredAnswer | None:
        return None

    PostgresEventLog.append = forgetful  # type: ignore[method-assign]  # the planted bug
    PostgresEventLog.answer = never_heard  # type: ignore[method-assign]  # the planted bug


BUGS: dict[str, Callable[[], None]] = {
    "checkpoint-first": checkpoint_first,
    "insertion-order": insertion_order,
    "no-dedupe-key": no_dedupe_key,
}


def main() -> None:
    _, bug, module, role = sys.argv
    BUGS[bug]()
    sys.argv = [module, role]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
