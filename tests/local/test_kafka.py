"""The embedded Apache Kafka: one node that everything uses, three nodes that lose one."""

import asyncio
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from support.kafka import Kafka

from redress_local import kafka_jars
from redress_local.kafka import KafkaCluster


async def _make_topic(bootstrap_servers: str, name: str, copies: int) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap_servers)
    await admin.start()
    try:
        answer = await admin.create_topics([NewTopic(name, 1, copies)])
        assert [error for _, error, _ in answer.topic_errors] == [0]
    finally:
        await admin.close()


async def _send(bootstrap_servers: str, topic: str, values: list[bytes]) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap_servers, enable_idempotence=True, acks="all")
    await producer.start()
    try:
        for value in values:
            await asyncio.wait_for(producer.send_and_wait(topic, value), 30)
    finally:
        await asyncio.wait_for(producer.stop(), 10)


async def _read(bootstrap_servers: str, topic: str, count: int) -> list[bytes]:
    consumer = AIOKafkaConsumer(topic, bootstrap_servers=bootstrap_servers, auto_offset_reset="earliest")
    await consumer.start()
    try:
        return [(await asyncio.wait_for(consumer.getone(), 30)).value for _ in range(count)]
    finally:
        await asyncio.wait_for(consumer.stop(), 10)


async def test_one_node_takes_and_gives_records_in_order(kafka: Kafka) -> None:
    await _make_topic(kafka.bootstrap_servers, "local.order", 1)
    await _send(kafka.bootstrap_servers, "local.order", [b"opened", b"assigned", b"resolved"])
    assert await _read(kafka.bootstrap_servers, "local.order", 3) == [b"opened", b"assigned", b"resolved"]


async def test_three_nodes_lose_none_of_what_they_acknowledged_when_one_is_killed(kafka_cluster: KafkaCluster) -> None:
    servers = kafka_cluster.bootstrap_servers
    await _make_topic(servers, "local.survives", 3)
    await _send(servers, "local.survives", [b"before"])
    kafka_cluster.nodes[1].kill()
    try:
        await _send(servers, "local.survives", [b"without the second node"])
    finally:
        await asyncio.to_thread(kafka_cluster.start_node, 2)
    await _send(servers, "local.survives", [b"after"])
    assert await _read(servers, "local.survives", 3) == [b"before", b"without the second node", b"after"]


async def test_a_broker_comes_back_with_its_records_on_other_ports(tmp_path: Path) -> None:
    first = KafkaCluster(tmp_path)
    await asyncio.to_thread(first.start)
    try:
        await _make_topic(first.bootstrap_servers, "local.kept", 1)
        await _send(first.bootstrap_servers, "local.kept", [b"kept"])
    finally:
        await asyncio.to_thread(first.stop)
    held = await asyncio.start_server(lambda _r, w: w.close(), "127.0.0.1", first.nodes[0].broker_port)
    second = KafkaCluster(tmp_path)
    async with held:
        await asyncio.to_thread(second.start)
        try:
            assert second.bootstrap_servers != first.bootstrap_servers
            assert await _read(second.bootstrap_servers, "local.kept", 1) == [b"kept"]
        finally:
            await asyncio.to_thread(second.stop)


def test_a_jar_that_is_not_the_pinned_one_is_refused(tmp_path: Path) -> None:
    (tmp_path / "kafka_2.13-4.3.1.jar").write_bytes(b"something else")
    with pytest.raises(RuntimeError, match=r"not the pinned ones: kafka_2\.13-4\.3\.1\.jar"):
        kafka_jars._check(tmp_path, {"kafka_2.13-4.3.1.jar": "0" * 64})
