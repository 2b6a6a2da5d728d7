"""A consumer of aiokafka that stands still without a word is noticed; one that has nothing to read is left alone."""

import asyncio
import time

import pytest
from support.eventually import eventually
from support.kafka import Kafka

from redress.ids import new_uuid
from redress.messaging import kafka as kafka_module
from redress.messaging.kafka import KafkaBroker, KafkaConsumer
from redress.messaging.port import BrokerUnavailable, Outgoing, TopicSpec


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kafka_module, "STILL_S", 0.3)
    monkeypatch.setattr(kafka_module, "BUSY_S", 1.0)
    monkeypatch.setattr(kafka_module, "JOIN_S", 1.0)


@pytest.fixture
async def broker(kafka: Kafka) -> KafkaBroker:
    return KafkaBroker(kafka.bootstrap_servers)


@pytest.fixture
async def topic(broker: KafkaBroker) -> str:
    name = f"test.still.{new_uuid().hex[-12:]}"
    await broker.make_topics([TopicSpec(name, 2, 1)])
    return name


@pytest.fixture
async def consumer(broker: KafkaBroker, topic: str):
    async def from_the_start(partitions):
        return dict.fromkeys(partitions, 0)

    made = broker.consumer(topic, f"g.{topic}", "m")
    try:
        await made.start(from_the_start)
        await eventually(lambda: _is_assigned(made))
        yield made
    finally:
        await made.close()


async def _is_assigned(consumer: KafkaConsumer) -> bool:
    await consumer.poll(10, 0.05)
    return len(consumer._consumer.assignment()) == 2


async def publish(broker: KafkaBroker, topic: str, *partitions: int) -> None:
    producer = broker.producer()
    await producer.start()
    try:
        await producer.publish(topic, [Outgoing(each, b"k", b"v", (), 1_774_886_400_000) for each in partitions])
    finally:
        await producer.close()


async def polls_until_it_says_so(consumer: KafkaConsumer, within_s: float = 10.0) -> str:
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        try:
            await consumer.poll(10, 0.05)
        except BrokerUnavailable as said:
            return str(said)
    raise AssertionError("it stands still and says nothing")


async def test_a_consumer_that_no_longer_fetches_says_so(broker, topic, consumer) -> None:
    await publish(broker, topic, 0)
    await eventually(lambda: _reads(consumer))
    consumer._consumer.pause(*consumer._consumer.assignment())
    await publish(broker, topic, 1)
    assert "has more on partitions [1]" in await polls_until_it_says_so(consumer)


async def test_one_partition_that_stands_still_beside_one_that_flows_is_noticed_too(broker, topic, consumer) -> None:
    consumer._consumer.pause(*[place for place in consumer._consumer.assignment() if place.partition == 1])
    await publish(broker, topic, 1)

    async def flows() -> None:
        while True:
            await publish(broker, topic, 0)

    flowing = asyncio.create_task(flows())
    try:
        assert "has more on partitions [1]" in await polls_until_it_says_so(consumer)
    finally:
        flowing.cancel()
        await asyncio.gather(flowing, return_exceptions=True)


async def test_a_consumer_without_any_partition_joins_anew(consumer) -> None:
    consumer._consumer._subscription.assign_from_subscribed([])
    assert "no partition" in await polls_until_it_says_so(consumer)


async def test_a_consumer_that_has_nothing_to_read_waits_quietly(broker, topic, consumer) -> None:
    await publish(broker, topic, 0, 1)
    await eventually(lambda: _reads(consumer))
    until = time.monotonic() + 2.0  # several looks
    while time.monotonic() < until:
        await consumer.poll(10, 0.05)
    await publish(broker, topic, 0)
    assert await eventually(lambda: _reads(consumer)) == 1


async def _reads(consumer: KafkaConsumer) -> int:
    return len((await consumer.poll(10, 0.05)).messages)
