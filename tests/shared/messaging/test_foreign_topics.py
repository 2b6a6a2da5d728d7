"""A topic of another system: offsets are all there is, and the handler keeps what it is given."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field

import asyncpg
import pytest
from support.databases import MakeDatabase
from support.eventually import eventually
from support.kafka import Kafka
from support.notes import PoisonedError, install_notes, worker_pool

from redress.eventlog.connections import Connection
from redress.ids import derived_uuid, new_uuid
from redress.messaging.foreign_source import ForeignSource
from redress.messaging.kafka import KafkaBroker
from redress.messaging.memory import InMemoryBroker
from redress.messaging.port import Broker, IncomingMessage, OutgoingMessage, TopicSpec
from redress.projections.runner import Runner


@dataclass
class Inbox:
    """Keeps the raw bytes; a message it has already is left alone."""

    name: str = "erp-inbox"
    poison: set[bytes] = field(default_factory=set)

    async def apply(self, connection: Connection, messages: Sequence[IncomingMessage]) -> None:
        for message in messages:
            assert message.value is not None
            if message.value in self.poison:
                raise PoisonedError(message.value.decode())
            await connection.execute(
                "INSERT INTO seen SELECT 'acme', $1, $2, $2, $3"
                " WHERE NOT EXISTS (SELECT FROM seen WHERE stream_id = $1 AND version = $2)",
                derived_uuid("partition", str(message.partition)),
                message.offset,
                message.value.decode(),
            )


@dataclass
class Erp:
    broker: Broker
    topic: str
    pool: asyncpg.Pool

    async def sends(self, *values: str, key: str = "K", partition: int = 0) -> None:
        producer = self.broker.producer()
        await producer.start()
        await producer.publish(
            self.topic, [OutgoingMessage(partition, key.encode(), value.encode(), (), 0) for value in values]
        )
        await producer.close()

    async def followed(self, inbox: Inbox, *, until: Sequence[str]) -> Runner[IncomingMessage]:
        """A process that follows the topic until the inbox has these messages (in any order of partitions)."""
        source = ForeignSource(self.broker, self.topic, group=f"g.{self.topic}", member="worker", partitions=2)
        runner = Runner(self.pool, inbox, source, pauses_s=(0.0,))
        await runner.open()

        async def there() -> bool:
            await runner.step(0.1)
            assert sorted(await self.received()) == sorted(until)
            return True

        await eventually(there, 20.0)
        await runner.close()
        return runner

    async def received(self) -> list[str]:
        return [row["note"] for row in await self.pool.fetch("SELECT note FROM read.seen ORDER BY seq")]


@pytest.fixture(params=["memory", "kafka"])
async def erp(request: pytest.FixtureRequest, make_database: MakeDatabase) -> AsyncIterator[Erp]:
    broker: Broker = InMemoryBroker()
    if request.param == "kafka":
        kafka: Kafka = request.getfixturevalue("kafka")
        broker = KafkaBroker(kafka.bootstrap_servers)
    topic = f"test.erp.{new_uuid().hex[-12:]}"
    await broker.make_topics([TopicSpec(topic, 2, 1)])
    database = await make_database("collections", prepare=install_notes)
    async with worker_pool(database) as pool:
        yield Erp(broker, topic, pool)


async def test_messages_are_given_as_they_came_and_only_once(erp: Erp) -> None:
    await erp.sends("invoice 1", "invoice 2")
    await erp.sends("payment 1", partition=1)
    await erp.followed(Inbox(), until=["invoice 1", "invoice 2", "payment 1"])
    await erp.sends("invoice 3")
    await erp.followed(Inbox(), until=["invoice 1", "invoice 2", "payment 1", "invoice 3"])
    rows = await erp.pool.fetch(
        "SELECT shard, seq FROM es.consumer WHERE name = 'erp-inbox' AND service = $1 ORDER BY shard", erp.topic
    )
    assert [tuple(row) for row in rows] == [(0, 3), (1, 1)]


async def test_a_message_that_cannot_be_kept_is_parked_with_what_has_the_same_key(erp: Erp) -> None:
    await erp.sends("good", "bad", "behind")
    await erp.sends("fine", key="L")
    inbox = Inbox(poison={b"bad"})
    await erp.followed(inbox, until=["good", "fine"])
    parked = await erp.pool.fetch("SELECT consumer, seq FROM es.parked WHERE parked_at IS NOT NULL ORDER BY seq")
    assert [tuple(row) for row in parked] == [(f"erp-inbox:{erp.topic}/0", 2), (f"erp-inbox:{erp.topic}/0", 3)]
    inbox.poison.clear()
    runner = Runner(erp.pool, inbox, ForeignSource(erp.broker, erp.topic, group="x", member="cli", partitions=2))
    released = await runner.unpark()
    assert (released.applied, released.remaining) == (2, 0)
    assert sorted(await erp.received()) == ["bad", "behind", "fine", "good"]


async def test_a_topic_that_was_made_again_is_read_from_its_beginning(make_database: MakeDatabase) -> None:
    broker = InMemoryBroker()
    await broker.make_topics([TopicSpec("erp", 2, 1)])
    database = await make_database("collections", prepare=install_notes)
    async with worker_pool(database) as pool:
        erp = Erp(broker, "erp", pool)
        await erp.sends("old 1", "old 2", "old 3")
        await erp.followed(Inbox(), until=["old 1", "old 2", "old 3"])
        broker._topics.clear()
        await broker.make_topics([TopicSpec("erp", 2, 1)])
        await erp.sends("new 1", partition=1)
        await erp.followed(Inbox(), until=["old 1", "old 2", "old 3", "new 1"])
