"""A real Kafka goes away and comes back while events are published: all arrive, once, in order."""

import asyncio
import signal
import tempfile
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest
import pytest_asyncio
from support.databases import MakeDatabase
from support.following import Follower, Publisher, publisher_and_follower
from support.notes import SeenNotes
from support.running import running

from redress.messaging import kafka
from redress.messaging.kafka import KafkaBroker
from redress.messaging.port import OutgoingMessage, PolledMessages, PublishFailed, TopicSpec
from redress.ops.run import Backoff, Part, run_parts
from redress.projections.runner import Runner
from redress_local.kafka import KafkaCluster

BACKOFF = Backoff(first_s=0.1, most_s=1.0)


@pytest_asyncio.fixture
async def lonely_kafka() -> AsyncIterator[KafkaCluster]:
    """One node of its own, that a test may kill."""
    with tempfile.TemporaryDirectory(prefix="redress-kafka-", ignore_cleanup_errors=True) as folder:
        cluster = KafkaCluster(Path(folder))
        await asyncio.to_thread(cluster.start)
        try:
            yield cluster
        finally:
            await asyncio.to_thread(cluster.stop)


def _workers(publisher: Publisher, follower: Follower) -> AbstractAsyncContextManager[None]:
    """The parts of two workers, started again whenever they fail."""
    runner = Runner(follower.pool, SeenNotes(), follower.source("kafka"), pauses_s=(0.0,))
    parts = [Part("relay", publisher.relay().run), Part("follower", runner.run)]
    return running(lambda stop: run_parts(parts, stop, backoff=BACKOFF))


async def test_a_broker_that_is_killed_for_a_while_costs_nothing_but_time(
    make_database: MakeDatabase, lonely_kafka: KafkaCluster
) -> None:
    broker = KafkaBroker(lonely_kafka.bootstrap_servers)
    async with (
        publisher_and_follower(make_database, broker) as (publisher, follower),
        _workers(publisher, follower),
    ):
        await publisher.notes("a", "before")
        await follower.has_seen(["before"], within_s=60.0)
        lonely_kafka.nodes[0].kill()
        during = [f"during {number}" for number in range(20)]
        for note in during:
            await publisher.notes("a", note)
        await asyncio.to_thread(lonely_kafka.start_node, 1)
        await publisher.notes("a", "after")
        await follower.has_seen(["before", *during, "after"], within_s=120.0)


async def test_one_of_three_brokers_killed_under_load_loses_and_doubles_nothing(
    make_database: MakeDatabase, kafka_cluster: KafkaCluster
) -> None:
    broker = KafkaBroker(kafka_cluster.bootstrap_servers)
    async with (
        publisher_and_follower(make_database, broker, replication=3) as (publisher, follower),
        _workers(publisher, follower),
    ):
        notes = [f"n{number}" for number in range(300)]
        for number, note in enumerate(notes):
            await publisher.notes(f"s{number % 40}", note)
            if number == 100:
                kafka_cluster.nodes[2].kill()
        try:
            await follower.has_seen(notes, within_s=180.0)
        finally:
            await asyncio.to_thread(kafka_cluster.start_node, 3)


async def test_a_broker_that_hangs_makes_nobody_wait_for_ever(
    lonely_kafka: KafkaCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kafka, "PUBLISH_S", 2.0)
    monkeypatch.setattr(kafka, "CLOSE_S", 1.0)
    broker = KafkaBroker(lonely_kafka.bootstrap_servers)
    await broker.make_topics([TopicSpec("hangs", 1, 1)])
    producer, consumer = broker.producer(), broker.consumer("hangs", "g", "m")
    await producer.start()
    await consumer.start(from_the_beginning)
    lonely_kafka.nodes[0].process.signal(signal.SIGSTOP)
    try:
        started = time.monotonic()
        with pytest.raises(PublishFailed):
            await producer.publish("hangs", [OutgoingMessage(0, b"k", b"lost?", (), 0)])
        with pytest.raises(PublishFailed, match="failed before"):
            await producer.publish("hangs", [OutgoingMessage(0, b"k", b"must not overtake", (), 0)])
        assert await consumer.poll(10, 0.5) == PolledMessages()
        await producer.close()
        await consumer.close()
        assert time.monotonic() - started < 15.0
    finally:
        lonely_kafka.nodes[0].process.signal(signal.SIGCONT)


async def from_the_beginning(_: Sequence[int]) -> Mapping[int, int]:
    return {}
