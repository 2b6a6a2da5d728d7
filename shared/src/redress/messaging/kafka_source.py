"""A topic of another Redress service as a source: quick, shared out among processes, and proven complete.

Positions come from the consumer's own database. What the topic does not have (retention, a lost broker, a relay that
skipped) is fetched from the publishing service's feed.
"""

import asyncio
from collections.abc import Mapping, Sequence

import structlog

from redress.contracts.envelope import PARTITIONS, PublishedEvent, partition_of
from redress.messaging.cloudevents import NotACloudEvent, from_headers
from redress.messaging.feed_source import FeedClient, missing_from_feed, one_from_feed, shard_from_feed
from redress.messaging.port import Broker, BrokerUnavailable, Consumer, IncomingMessage
from redress.messaging.source import MAIN_LOG, Batch, Mark, ReadMarks, SourceItem, SourceUnavailable

_log = structlog.stdlib.get_logger("redress.messaging")

HINT_EVERY_S = 1.0  # lag monitors look every few seconds


class KafkaSource:
    """Follows the topic of `service` as a member of `group`. `feed` is the same service's feed, for gaps."""

    shards: tuple[int, ...] = tuple(range(PARTITIONS))
    numbered = True

    def __init__(
        self,
        service: str,
        broker: Broker,
        topic: str,
        *,
        group: str,
        member: str,
        feed: FeedClient,
        log: str = MAIN_LOG,
    ) -> None:
        self.service: str | None = service
        self.log = log
        self._broker = broker
        self._topic = topic
        self._group = group
        self._member = member
        self._feed = feed
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

    async def fetch(self, marks: Mapping[int, Mark], limit: int, timeout_s: float) -> Batch[PublishedEvent]:
        consumer = self._started()
        try:
            polled = await consumer.poll(limit, self._hints.give(consumer, timeout_s))
        except BrokerUnavailable as failure:
            raise SourceUnavailable(str(failure)) from failure
        items: list[SourceItem[PublishedEvent]] = []
        for shard in polled.lost:
            items += (await shard_from_feed(self._feed, shard, marks[shard].seq)).items
        offsets: dict[int, int] = {}
        for message in polled.messages:
            offsets[message.partition] = message.offset + 1
            item = _item(message)
            if item is not None:
                items.append(item)
        return Batch(items=tuple(items), offsets=offsets, behind=polled.behind)

    async def missing(self, shard: int, after: int, through: int) -> tuple[SourceItem[PublishedEvent], ...]:
        return await missing_from_feed(self._feed, shard, after, through)

    async def one(self, shard: int, seq: int) -> SourceItem[PublishedEvent]:
        return await one_from_feed(self._feed, shard, seq)

    async def applied(self, batch: Batch[PublishedEvent]) -> None:
        self._hints.take(batch.offsets)

    async def close(self) -> None:
        if self._consumer is not None:
            consumer, self._consumer = self._consumer, None
            await self._hints.give_the_last(consumer)
            await consumer.close()

    async def _positions(self, partitions: Sequence[int]) -> Mapping[int, int]:
        marks = await self._read_marks() if self._read_marks is not None else {}
        return {shard: mark.offset or 0 for shard, mark in marks.items() if shard in partitions}

    def _started(self) -> Consumer:
        if self._consumer is None:
            raise SourceUnavailable("the source is not open")
        return self._consumer


class Hints:
    """Offsets that the broker shall hear of, at most once a second: nothing depends on them but monitors.

    No read waits for it: an event that arrives meanwhile would be seen later by a round trip.
    """

    def __init__(self) -> None:
        self._untold: dict[int, int] = {}
        self._told_at = 0.0
        self._telling: asyncio.Task[None] | None = None

    def take(self, offsets: Mapping[int, int]) -> None:
        self._untold.update(offsets)

    def give(self, consumer: Consumer, timeout_s: float) -> float:
        """Begin to tell what is due. How long the next poll may take: not longer than until something is due."""
        if not self._untold:
            return timeout_s
        wait_s = self._told_at + HINT_EVERY_S - asyncio.get_running_loop().time()
        if wait_s > 0:
            return min(timeout_s, wait_s)
        if self._telling is None or self._telling.done():
            self._tell(consumer)
        return timeout_s

    async def give_the_last(self, consumer: Consumer) -> None:
        """Send all hints and wait for them, for a consumer that is about to close."""
        if self._telling is not None:
            await asyncio.gather(self._telling, return_exceptions=True)
        if self._untold:
            await asyncio.gather(self._tell(consumer), return_exceptions=True)

    def _tell(self, consumer: Consumer) -> asyncio.Task[None]:
        untold, self._untold = self._untold, {}
        self._told_at = asyncio.get_running_loop().time()
        self._telling = asyncio.create_task(consumer.commit(untold))
        return self._telling


def _item(message: IncomingMessage) -> SourceItem[PublishedEvent] | None:
    """None for what is not an event of ours: it cannot be one we miss, since every event names the one before it."""
    try:
        event = from_headers(message.headers, message.value or b"")
    except NotACloudEvent as wrong:
        _say_not_ours(message, str(wrong))
        return None
    if partition_of(event.subject) != message.partition:
        _say_not_ours(message, f"its subject belongs to partition {partition_of(event.subject)}")
        return None
    return SourceItem(
        event=event,
        shard=message.partition,
        seq=event.seq,
        follows=event.prev or 0,
        epoch=event.epoch,
        stream=event.subject,
        tenant=event.tenant,
    )


def _say_not_ours(message: IncomingMessage, reason: str) -> None:
    _log.error(
        "foreign_message_in_our_topic",
        topic=message.topic,
        partition=message.partition,
        offset=message.offset,
        reason=reason,
    )
