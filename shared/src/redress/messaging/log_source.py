"""The service's own log as a source: one shard, every stored event, no hole possible."""

from collections.abc import Mapping

from redress.eventlog.events import RecordedEvent
from redress.eventlog.log import EventLog
from redress.messaging.source import MAIN_LOG, Batch, GapNotClosed, Mark, PositionBeyondHead, ReadMarks, SourceItem

_SHARD = 0


class LogSource:
    """Follows the log of this database. Between two events it sleeps until the log says that there is more."""

    service: str | None = None
    log = MAIN_LOG
    shards: tuple[int, ...] = (_SHARD,)
    numbered = True

    def __init__(self, log: EventLog) -> None:
        self._log = log
        self._epoch = ""
        self._head = 0

    async def open(self, read_marks: ReadMarks) -> None:
        self._head = await self._log.head()
        self._epoch = await self._log.epoch()
        position = (await read_marks())[_SHARD].seq
        if position > self._head:
            raise PositionBeyondHead(position, self._head)

    async def fetch(self, marks: Mapping[int, Mark], limit: int, timeout_s: float) -> Batch[RecordedEvent]:
        after = marks[_SHARD].seq
        self._epoch = await self._log.epoch()
        if self._head <= after:
            self._head = await (self._log.wait_for(after + 1, timeout_s) if timeout_s > 0 else self._log.head())
        if self._head <= after:
            return Batch(epoch=self._epoch, since=after, behind=0)
        events = await self._log.read_log(after, limit)
        items = tuple(self._item(event) for event in events)
        reached = items[-1].seq if items else after
        self._head = max(self._head, reached)
        return Batch(items=items, epoch=self._epoch, since=after, behind=self._head - reached)

    async def missing(self, shard: int, after: int, through: int) -> tuple[SourceItem[RecordedEvent], ...]:
        items = tuple(self._item(event) for event in await self._log.read_log(after, through - after))
        if len(items) != through - after:
            raise GapNotClosed(shard, after, through)
        return items

    async def one(self, shard: int, seq: int) -> SourceItem[RecordedEvent]:
        (item,) = await self.missing(shard, seq - 1, seq)
        return item

    async def applied(self, batch: Batch[RecordedEvent]) -> None:
        pass

    async def close(self) -> None:
        pass

    def _item(self, event: RecordedEvent) -> SourceItem[RecordedEvent]:
        seq = event.seq
        if seq is None:
            raise TypeError("an event read from the log has a seq")
        return SourceItem(
            event=event,
            shard=_SHARD,
            seq=seq,
            follows=seq - 1,
            epoch=self._epoch,
            stream=event.stream_id,
            tenant=event.tenant_id,
        )
