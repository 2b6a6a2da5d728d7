"""What Redress asks of a broker, kept by Apache Kafka and by the in-memory broker alike."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
from support.eventually import eventually
from support.kafka import Kafka

from redress.ids import new_uuid
from redress.messaging.kafka import KafkaBroker
from redress.messaging.memory import InMemoryBroker
from redress.messaging.port import (
    Broker,
    BrokerUnavailable,
    Consumer,
    IncomingMessage,
    OutgoingMessage,
    Positions,
    TopicSpec,
)


@pytest.fixture(params=["memory", "kafka"])
async def broker(request: pytest.FixtureRequest) -> Broker:
    if request.param == "memory":
        return InMemoryBroker()
    kafka: Kafka = request.getfixturevalue("kafka")
    return KafkaBroker(kafka.bootstrap_servers)


@pytest.fixture
async def topic(broker: Broker) -> str:
    name = f"test.contract.{new_uuid().hex[-12:]}"
    await broker.make_topics([TopicSpec(name, 3, 1)])
    return name


def a_message(partition: int, value: str, **headers: bytes) -> OutgoingMessage:
    return OutgoingMessage(partition, b"key", value.encode(), tuple(headers.items()), 1_774_886_400_000)


async def publish(broker: Broker, topic: str, *batch: OutgoingMessage) -> None:
    producer = broker.producer()
    await producer.start()
    try:
        await producer.publish(topic, batch)
    finally:
        await producer.close()


@dataclass
class Member:
    """A consumer that keeps what it read, per partition."""

    consumer: Consumer
    read: dict[int, list[IncomingMessage]] = field(default_factory=dict)
    lost: set[int] = field(default_factory=set)
    behind: int = 0

    async def has_read(self, **expected: Sequence[str]) -> None:
        async def as_expected() -> bool:
            polled = await self.consumer.poll(100, 0.1)
            self.lost |= polled.lost
            self.behind = polled.behind
            for message in polled.messages:
                self.read.setdefault(message.partition, []).append(message)
            read = {f"p{each}": [(message.value or b"").decode() for message in got] for each, got in self.read.items()}
            assert read == {partition: list(values) for partition, values in expected.items()}
            return True

        await eventually(as_expected, 20.0)


@asynccontextmanager
async def a_member(
    broker: Broker, topic: str, group: str = "g", member: str = "m", positions: Mapping[int, int] | None = None
) -> AsyncIterator[Member]:
    async def known(partitions: Sequence[int]) -> Mapping[int, int]:
        return {each: at for each, at in (positions or {}).items() if each in partitions}

    consumer = broker.consumer(topic, f"{group}.{topic}", member)
    try:
        await consumer.start(known)
        yield Member(consumer)
    finally:
        await consumer.close()


async def test_a_batch_keeps_its_order_inside_each_partition(broker: Broker, topic: str) -> None:
    batch = [a_message(number % 2, f"m{number}") for number in range(200)]
    await publish(broker, topic, *batch)
    async with a_member(broker, topic) as member:
        await member.has_read(p0=[f"m{n}" for n in range(0, 200, 2)], p1=[f"m{n}" for n in range(1, 200, 2)])


async def test_a_message_arrives_with_its_key_headers_and_time(broker: Broker, topic: str) -> None:
    await publish(broker, topic, a_message(2, "one", ce_id=b"evt_1", ce_seq=b"7"))
    async with a_member(broker, topic) as member:
        await member.has_read(p2=["one"])
        (message,) = member.read[2]
    assert (message.topic, message.partition, message.offset, message.key) == (topic, 2, 0, b"key")
    assert dict(message.headers) == {"ce_id": b"evt_1", "ce_seq": b"7"}
    assert message.timestamp_ms == 1_774_886_400_000


async def test_reading_goes_on_from_the_given_positions(broker: Broker, topic: str) -> None:
    await publish(broker, topic, *[a_message(0, f"m{number}") for number in range(5)], a_message(1, "other"))
    async with a_member(broker, topic, positions={0: 3}) as member:
        await member.has_read(p0=["m3", "m4"], p1=["other"])


async def test_the_broker_s_own_memory_of_a_group_is_never_used(broker: Broker, topic: str) -> None:
    await publish(broker, topic, a_message(0, "one"), a_message(0, "two"))
    async with a_member(broker, topic) as member:
        await member.has_read(p0=["one", "two"])
        await member.consumer.commit({0: 2})
    async with a_member(broker, topic, positions={0: 1}) as member:
        await member.has_read(p0=["two"])


async def test_a_position_that_the_broker_does_not_have_is_reported(broker: Broker, topic: str) -> None:
    await publish(broker, topic, a_message(0, "one"), a_message(1, "other"))
    async with a_member(broker, topic, positions={0: 40}) as member:
        await member.has_read(p0=["one"], p1=["other"])
        assert member.lost == {0}


async def test_a_consumer_whose_positions_cannot_be_had_says_so(broker: Broker, topic: str) -> None:
    async def no_database(_: Sequence[int]) -> Mapping[int, int]:
        raise ConnectionError("the database is away")

    await publish(broker, topic, a_message(0, "must not be read from somewhere"))
    consumer = broker.consumer(topic, f"g.{topic}", "m")
    with pytest.raises((BrokerUnavailable, ConnectionError)):
        await _started_and_polled(consumer, no_database)
    await consumer.close()


async def _started_and_polled(consumer: Consumer, positions: Positions) -> None:
    await consumer.start(positions)
    await consumer.poll(10, 0.1)


async def test_members_of_a_group_share_the_partitions(broker: Broker, topic: str) -> None:
    async with a_member(broker, topic, member="one") as one, a_member(broker, topic, member="two") as two:

        async def shared_out() -> bool:
            await publish(broker, topic, *[a_message(partition, "x") for partition in range(3)])
            for member in (one, two):
                member.read.clear()
                for _ in range(3):
                    for message in (await member.consumer.poll(100, 0.1)).messages:
                        member.read.setdefault(message.partition, []).append(message)
            return bool(one.read) and bool(two.read) and not set(one.read) & set(two.read)

        await eventually(shared_out, 30.0)


async def test_one_message_can_be_read_again(broker: Broker, topic: str) -> None:
    await publish(broker, topic, a_message(1, "one"), a_message(1, "two"))
    again = await broker.read(topic, 1, 1)
    assert again is not None
    assert (again.offset, again.value) == (1, b"two")
    assert await broker.read(topic, 1, 0) is not None
    assert await broker.read(topic, 1, 2) is None


async def test_making_topics_again_changes_nothing(broker: Broker) -> None:
    spec = TopicSpec(f"test.made.{new_uuid().hex[-12:]}", 2, 1, {"retention.ms": "60000"})
    assert await broker.make_topics([spec]) == [spec.name]
    assert await broker.make_topics([spec]) == []
    assert await broker.partitions(spec.name) == 2
    assert await broker.partitions("test.nothing-here") == 0


async def test_the_number_of_partitions_is_never_changed(broker: Broker, topic: str) -> None:
    with pytest.raises(ValueError, match="partitions"):
        await broker.make_topics([TopicSpec(topic, 4, 1)])
