"""A topic that another system writes (the ERP's), without our headers: positions are offsets and nothing else.

Nothing proves that no message is missing or doubled there, so the handler must be idempotent by itself, and keep what
it is given.
"""

from collections.abc import Mapping, Sequence

import structlog

from redress.ids import derived_uuid
from redress.messaging.kafka_source import Hints
from redress.messaging.port import Broker, BrokerUnavailable, Consumer, IncomingMessage
from redress.messaging.source import MAIN_LOG, Batch, GapNotClosed, Mark, ReadMarks, SourceItem, SourceUnavailable

_log = structlog.stdlib.get_logger("redress.messaging")


class ForeignSource:
    """Follows `topic` as a member of `group`. `seq` is the offset after the message: where to read on."""

    numbered = False

    def __init__(self, broker: Broker, topic: str, *, group: str, member: str, partitions: int) -> None:
        self.service: str | None = topic
        self.log = MAIN_LOG
        self.shards: tuple[int, ...] = tuple(range(partitions))
        self._broker = broker
        self._topic = topic
        self._group = group
        self._member = member
        self._consumer: Consumer | None = None
        self._read_marks: ReadMarks | None = None
        self._hints = Hints()

    async def open(self, read_marks: ReadMarks) -> None:
        self._read_marks = read_marks
        self._consumer = self._broker.consumer(self._topic, self._group, self._member)
        try:
            await self._consumer.start(self._positions)
        except BrokerUnavailable as failure:
            raise SourceUnavailable(str(failure)) from failure

    async def fetch(self, marks: Mapping[int, Mark], limit: int, timeout_s: float) -> Batch[IncomingMessage]:
        if self._consumer is None:
            raise SourceUnavailable("the source is not open")
        try:
            polled = await self._consumer.poll(limit, self._hints.give(self._consumer, timeout_s))
        except BrokerUnavailable as failure:
            raise SourceUnavailable(str(failure)) from failure
        for shard in polled.lost:
            # No other system has these messages. The sender must be asked to send again from this time on.
            _log.critical("foreign_messages_lost", topic=self._topic, partition=shard, wanted_offset=marks[shard].seq)
        return Batch(
            items=tuple(_item(message) for message in polled.messages),
            offsets={message.partition: message.offset + 1 for message in polled.messages},
            behind=polled.behind,
        )

    async def missing(self, shard: int, after: int, through: int) -> tuple[SourceItem[IncomingMessage], ...]:
        raise GapNotClosed(shard, after, through)

    async def one(self, shard: int, seq: int) -> SourceItem[IncomingMessage]:
        message = await self._broker.read(self._topic, shard, seq - 1)
        if message is None:
            raise GapNotClosed(shard, seq - 1, seq)
        return _item(message)

    async def applied(self, batch: Batch[IncomingMessage]) -> None:
        self._hints.take(batch.offsets)

    async def close(self) -> None:
        if self._consumer is not None:
            consumer, self._consumer = self._consumer, None
            await self._hints.give_the_last(consumer)
            await consumer.close()

    async def _positions(self, partitions: Sequence[int]) -> Mapping[int, int]:
        marks = await self._read_marks() if self._read_marks is not None else {}
        return {shard: mark.seq for shard, mark in marks.items() if shard in partitions}


def _item(message: IncomingMessage) -> SourceItem[IncomingMessage]:
    key = message.key.hex() if message.key else f"{message.partition}:{message.offset}"
    return SourceItem(
        event=message,
        shard=message.partition,
        seq=message.offset + 1,
        follows=message.offset,
        epoch="",
        stream=derived_uuid("foreign", message.topic, key),
        tenant="",
    )
