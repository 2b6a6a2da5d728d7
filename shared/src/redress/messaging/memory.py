"""The broker port in a dictionary, for unit tests. The same contract suite as Kafka holds it to the promises."""

import asyncio
from collections.abc import Mapping, Sequence

from redress.messaging.port import IncomingMessage, OutgoingMessage, PolledMessages, Positions, PublishFailed, TopicSpec


class _Topic:
    def __init__(self, partitions: int) -> None:
        self.messages: list[list[IncomingMessage]] = [[] for _ in range(partitions)]
        self.oldest = [0] * partitions
        self.grown = asyncio.Event()

    def end(self, partition: int) -> int:
        return self.oldest[partition] + len(self.messages[partition])


class InMemoryBroker:
    """Keeps every promise of the port except surviving the process.

    `failing` makes every publish fail from now on. `trim` forgets old messages as a retention limit would.
    `committed` holds the hints of each group.
    """

    def __init__(self) -> None:
        self.failing = False
        self.committed: dict[tuple[str, str], dict[int, int]] = {}
        self._topics: dict[str, _Topic] = {}
        self._groups: dict[tuple[str, str], list[InMemoryConsumer]] = {}

    def producer(self) -> "InMemoryProducer":
        return InMemoryProducer(self)

    def consumer(self, topic: str, group: str, member: str) -> "InMemoryConsumer":
        return InMemoryConsumer(self, topic, group, member)

    async def read(self, topic: str, partition: int, offset: int) -> IncomingMessage | None:
        kept = self.topic(topic)
        if not kept.oldest[partition] <= offset < kept.end(partition):
            return None
        return kept.messages[partition][offset - kept.oldest[partition]]

    async def partitions(self, topic: str) -> int:
        return len(self._topics[topic].messages) if topic in self._topics else 0

    async def make_topics(self, topics: Sequence[TopicSpec]) -> list[str]:
        for topic in topics:
            if topic.name in self._topics and len(self._topics[topic.name].messages) != topic.partitions:
                raise ValueError(f"{topic.name} has {len(self._topics[topic.name].messages)} partitions")
        created = [topic for topic in topics if topic.name not in self._topics]
        for topic in created:
            self._topics[topic.name] = _Topic(topic.partitions)
        return [topic.name for topic in created]

    def topic(self, name: str) -> _Topic:
        return self._topics[name]

    def trim(self, topic: str, partition: int, before: int) -> None:
        kept = self.topic(topic)
        del kept.messages[partition][: before - kept.oldest[partition]]
        kept.oldest[partition] = before

    async def share_out(self, topic: str, group: str) -> None:
        """Give every member of a group its part of the partitions."""
        members = self._groups.get((topic, group), [])
        for number, member in enumerate(members):
            await member.assign(range(number, len(self.topic(topic).messages), len(members)))

    def members(self, topic: str, group: str) -> "list[InMemoryConsumer]":
        return self._groups.setdefault((topic, group), [])


class InMemoryProducer:
    def __init__(self, broker: InMemoryBroker) -> None:
        self._broker = broker
        self._failed = False

    async def start(self) -> None:
        pass

    async def publish(self, topic: str, batch: Sequence[OutgoingMessage]) -> None:
        self._failed = self._failed or self._broker.failing
        if self._failed:
            raise PublishFailed("the broker is failing, or failed before")
        kept = self._broker.topic(topic)
        for message in batch:
            kept.messages[message.partition].append(
                IncomingMessage(
                    topic,
                    message.partition,
                    kept.end(message.partition),
                    message.key,
                    message.value,
                    dict(message.headers),
                    message.timestamp_ms,
                )
            )
        grown, kept.grown = kept.grown, asyncio.Event()
        grown.set()

    async def close(self) -> None:
        pass


class InMemoryConsumer:
    def __init__(self, broker: InMemoryBroker, topic: str, group: str, member: str) -> None:
        self._broker = broker
        self._topic = topic
        self._group = group
        self.member = member
        self._positions: Positions | None = None
        self._at: dict[int, int] = {}

    async def start(self, positions: Positions) -> None:
        self._positions = positions
        self._broker.members(self._topic, self._group).append(self)
        await self._broker.share_out(self._topic, self._group)

    async def assign(self, partitions: Sequence[int]) -> None:
        new = [each for each in partitions if each not in self._at]
        known = await self._positions(new) if self._positions is not None else {}
        self._at = {each: known.get(each, 0) if each in new else self._at[each] for each in partitions}

    async def poll(self, limit: int, timeout_s: float) -> PolledMessages:
        topic = self._broker.topic(self._topic)
        lost = {each for each, at in self._at.items() if not topic.oldest[each] <= at <= topic.end(each)}
        if lost:
            self._at.update({each: topic.oldest[each] for each in lost})
            return PolledMessages(lost=frozenset(lost))
        grown = topic.grown
        if not self._waiting(topic):
            try:
                async with asyncio.timeout(timeout_s):
                    await grown.wait()
            except TimeoutError:
                return PolledMessages()
        messages: list[IncomingMessage] = []
        for each in self._at:
            start = self._at[each] - topic.oldest[each]
            taken = topic.messages[each][start : start + limit - len(messages)]
            self._at[each] += len(taken)
            messages += taken
        return PolledMessages(tuple(messages), behind=self._waiting(topic))

    async def commit(self, offsets: Mapping[int, int]) -> None:
        self._broker.committed.setdefault((self._topic, self._group), {}).update(offsets)

    async def close(self) -> None:
        members = self._broker.members(self._topic, self._group)
        if self in members:
            members.remove(self)
            await self._broker.share_out(self._topic, self._group)

    def _waiting(self, topic: _Topic) -> int:
        return sum(topic.end(each) - at for each, at in self._at.items())
