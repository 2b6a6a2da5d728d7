"""One service following another: a publisher with its log, a follower with its database, and a transport in between."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import asyncpg
from support.databases import Database, MakeDatabase
from support.event_log import a_write
from support.eventually import eventually
from support.feeds import ServedFeed, served_feed
from support.notes import NotesPublication, SeenNotes, install_notes, notes_seen, worker_pool

from redress.contracts.envelope import PARTITIONS, PublishedEvent
from redress.eventlog.postgres import PostgresEventLog
from redress.ids import new_uuid
from redress.messaging.feed_source import FeedSource
from redress.messaging.kafka_source import KafkaSource
from redress.messaging.memory import InMemoryBroker
from redress.messaging.port import Broker, TopicSpec
from redress.messaging.relay import Relay
from redress.messaging.source import Source
from redress.projections.runner import Runner

SERVICE = "notes"


@dataclass
class Publisher:
    """The notes service: its log in one database, its feed over HTTP, its topic on `broker` (None: no broker)."""

    database: Database
    log: PostgresEventLog
    pool: asyncpg.Pool
    served: ServedFeed
    broker: Broker | None
    topic: str
    versions: dict[str, int] = field(default_factory=dict)

    async def notes(self, stream: str, *notes: str, tenant: str = "acme") -> None:
        version = self.versions.get(stream, 0)
        await self.log.append(tenant, [a_write(stream, version, *notes)])
        self.versions[stream] = version + len(notes)

    @property
    def in_memory(self) -> InMemoryBroker:
        """The broker, for tests that look into its topics."""
        assert isinstance(self.broker, InMemoryBroker)
        return self.broker

    async def in_the_log(self) -> int:
        """Wait until everything that was appended has its place; the head."""
        head = sum(self.versions.values())
        await self.log.wait_for(head, 5.0)
        return head

    def relay(self, **options: Any) -> Relay:
        assert self.broker is not None
        return Relay(self.pool, self.log, NotesPublication(self.log), self.broker, self.topic, **options)

    async def delivered(self) -> int:
        """Everything that was appended is on the transport; the head."""
        head = await self.in_the_log()
        if self.broker is not None:
            await self.relay().catch_up()
        return head


@dataclass
class Follower:
    """Another service, in its own database. Each runner it makes is a new process of the same consumer."""

    publisher: Publisher
    database: Database
    pool: asyncpg.Pool
    group: str
    _made: list[Runner[PublishedEvent]] = field(default_factory=list)

    def source(self, transport: str, member: str = "worker") -> Source[PublishedEvent]:
        publisher = self.publisher
        if transport == "feed":
            return FeedSource(SERVICE, publisher.served.client)
        assert publisher.broker is not None
        return KafkaSource(
            SERVICE,
            publisher.broker,
            publisher.topic,
            group=self.group,
            member=member,
            feed=publisher.served.client,
        )

    @asynccontextmanager
    async def running(
        self, seen: SeenNotes, transport: str, member: str = "worker", **options: Any
    ) -> AsyncIterator[Runner[PublishedEvent]]:
        """A process that follows until the block ends. If it died, its failure is raised there."""
        runner = Runner(self.pool, seen, self.source(transport, member), pauses_s=(0.0,), **options)
        stop = asyncio.Event()
        following = asyncio.create_task(runner.run(stop))
        try:
            yield runner
        finally:
            stop.set()
            await following

    async def has_seen(self, notes: Sequence[str], within_s: float = 20.0) -> None:
        async def as_expected() -> bool:
            assert await notes_seen(self.pool) == list(notes)
            return True

        await eventually(as_expected, within_s)

    async def reached(self, head: int, name: str = "seen", within_s: float = 20.0) -> None:
        """Wait until the consumer's furthest shard is at `head`."""

        async def there() -> bool:
            return bool(
                await self.pool.fetchval(
                    "SELECT max(seq) FROM es.consumer WHERE name = $1 AND service = $2", name, SERVICE
                )
                == head
            )

        await eventually(there, within_s)


@asynccontextmanager
async def publisher_and_follower(
    make_database: MakeDatabase, broker: Broker | None, *, replication: int = 1
) -> AsyncIterator[tuple[Publisher, Follower]]:
    unique = new_uuid().hex[-12:]
    topic = f"test.notes.{unique}"
    publishing = await make_database("dispute", prepare=install_notes)
    following = await make_database("collections", prepare=install_notes)
    if broker is not None:
        await broker.make_topics([TopicSpec(topic, PARTITIONS, replication)])
    async with (
        PostgresEventLog.open(publishing.worker) as log,
        worker_pool(publishing) as publisher_pool,
        worker_pool(following) as follower_pool,
        served_feed(log) as served,
    ):
        publisher = Publisher(publishing, log, publisher_pool, served, broker, topic)
        yield publisher, Follower(publisher, following, follower_pool, f"test.{unique}")
