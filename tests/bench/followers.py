"""What runs in processes of its own while transports are measured: a consumer as in a worker, a relay, and the limits.

Each waits at its gate until the parent lets it go, and answers with instants of the machine's monotonic clock.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from uuid import UUID

import asyncpg
import httpx2 as httpx
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from msgspec import Struct
from support.feeds import StaticToken

from bench.processes import Gate, Span, kilobytes
from dispute_service.service import SERVICE as DISPUTES
from notification_service.dispute_notices.dispute_state import DisputeStates
from redress.contracts.envelope import PARTITIONS, PublishedEvent
from redress.eventlog.events import RecordedEvent
from redress.eventlog.pages import pages
from redress.eventlog.postgres import PostgresEventLog
from redress.messaging.feed_source import FeedClient, FeedSource
from redress.messaging.kafka import BATCH_BYTES, KafkaBroker
from redress.messaging.kafka_source import KafkaSource
from redress.messaging.log_source import LogSource
from redress.messaging.port import OutgoingMessage
from redress.messaging.relay import Relay, message_of
from redress.messaging.source import Batch, Mark, ReadMarks, Source, SourceItem
from redress.ops.run import collect_less_often
from redress.projections.projection import Projection
from redress.projections.rebuild import rebuild
from redress.projections.runner import POLL_S, Runner
from redress.service.composition import publication
from redress.service.connections import WORKER_CONNECTIONS, WORKER_TIMEOUT_S

SERVICE = "dispute-service"
IN_FLIGHT = 5_000  # sends of the bare producer that are waited for together


class Following(Struct, frozen=True, kw_only=True):
    """Where a follower gets dispute-service's events from: its feed, and a topic if there is one."""

    database: str
    url: str
    token: str
    bootstrap_servers: str | None = None
    topic: str = ""


# -- consumers


async def catch_up(gate: Gate, following: Following, events: int) -> Span:
    """notification-service's `dispute_state` over all events there are, as its worker does it."""
    collect_less_often()
    async with _source(following) as source, _pool(following.database) as pool:
        runner = Runner(pool, DisputeStates(), source)
        await runner.open()
        await gate()
        begun = time.monotonic()
        taken = 0
        while taken < events:
            taken += await runner.step(POLL_S)
        ended = time.monotonic()
        await runner.close()
    return Span(begun, ended)


async def visible(gate: Gate, following: Following) -> dict[UUID, float]:
    """Follow until the parent says that it is over; when each stream's event was visible to everybody."""
    collect_less_often()
    async with _source(following) as source, _pool(following.database) as pool:
        timed = _Timed(source)
        runner = Runner(pool, DisputeStates(), timed)
        stop = asyncio.Event()
        running = asyncio.create_task(runner.run(stop))
        await gate()
        stop.set()
        await running
    return timed.seen


class _Timed:
    """A source that notes when the runner says that a batch is durable."""

    numbered = True

    def __init__(self, source: Source[PublishedEvent]) -> None:
        self.seen: dict[UUID, float] = {}
        self.service, self.log = source.service, source.log
        self.shards = source.shards
        self._source = source

    async def open(self, read_marks: ReadMarks) -> None:
        await self._source.open(read_marks)

    async def fetch(self, marks: Mapping[int, Mark], limit: int, timeout_s: float) -> Batch[PublishedEvent]:
        return await self._source.fetch(marks, limit, timeout_s)

    async def missing(self, shard: int, after: int, through: int) -> tuple[SourceItem[PublishedEvent], ...]:
        return await self._source.missing(shard, after, through)

    async def one(self, shard: int, seq: int) -> SourceItem[PublishedEvent]:
        return await self._source.one(shard, seq)

    async def applied(self, batch: Batch[PublishedEvent]) -> None:
        now = time.monotonic()
        self.seen.update((item.stream, now) for item in batch.items)
        await self._source.applied(batch)

    async def close(self) -> None:
        await self._source.close()


@asynccontextmanager
async def _source(following: Following) -> AsyncIterator[Source[PublishedEvent]]:
    async with httpx.AsyncClient(trust_env=False) as http:
        client = FeedClient(http, following.url, StaticToken(following.token))
        if following.bootstrap_servers is None:
            yield FeedSource(SERVICE, client)
        else:
            broker = KafkaBroker(following.bootstrap_servers, client_id="bench")
            group = f"bench.{following.topic}"
            yield KafkaSource(SERVICE, broker, following.topic, group=group, member=group, feed=client)


@asynccontextmanager
async def _pool(dsn: str) -> AsyncIterator[asyncpg.Pool]:
    """As in a worker."""
    async with asyncpg.create_pool(
        dsn, min_size=1, max_size=WORKER_CONNECTIONS, command_timeout=WORKER_TIMEOUT_S
    ) as pool:
        yield pool


async def rebuild_anew(
    gate: Gate, owner: str, worker: str, projection: Callable[[], Projection[RecordedEvent]], events: int
) -> tuple[Span, float]:
    """A projection of the own log as `rebuild` makes it; and the MB that this took beyond what the process had."""
    async with PostgresEventLog.open(worker) as log:
        await gate()
        before = kilobytes("VmRSS")
        begun = time.monotonic()
        done = await rebuild(projection(), LogSource(log), owner_dsn=owner, worker_dsn=worker)
        assert done.position == events
        return Span(begun, time.monotonic()), (kilobytes("VmHWM") - before) / 1024


# -- the relay, and what stands beside it


async def relay_all(gate: Gate, database: str, bootstrap_servers: str, topic: str, events: int) -> Span:
    """dispute-service's relay from the beginning of the log to its end."""
    collect_less_often()
    async with _relay(database, bootstrap_servers, topic) as relay:
        await gate()
        begun = time.monotonic()
        assert await relay.catch_up() == events
        return Span(begun, time.monotonic())


async def relay_on(gate: Gate, database: str, bootstrap_servers: str, topic: str) -> None:
    """The relay until the parent says that it is over."""
    collect_less_often()
    async with _relay(database, bootstrap_servers, topic) as relay:
        stop = asyncio.Event()
        running = asyncio.create_task(relay.run(stop))
        await gate()
        stop.set()
        await running


@asynccontextmanager
async def _relay(database: str, bootstrap_servers: str, topic: str) -> AsyncIterator[Relay]:
    async with PostgresEventLog.open(database) as log, _pool(database) as pool:
        broker = KafkaBroker(bootstrap_servers, client_id="bench")
        yield Relay(pool, log, publication(DISPUTES, log), broker, topic)


async def produce_bare(gate: Gate, database: str, bootstrap_servers: str, topic: str, events: int) -> Span:
    """The same messages, made beforehand, through aiokafka with the relay's settings and nothing else."""
    collect_less_often()
    messages = await _messages(database)
    assert len(messages) == events
    producer = AIOKafkaProducer(
        bootstrap_servers=bootstrap_servers,
        acks="all",
        enable_idempotence=True,
        compression_type="zstd",
        max_batch_size=BATCH_BYTES,
        max_request_size=2 * BATCH_BYTES,
    )
    await gate()
    begun = time.monotonic()
    await producer.start()
    try:
        for at in range(0, len(messages), IN_FLIGHT):
            sent = [
                await producer.send(
                    topic,
                    message.value,
                    key=message.key,
                    partition=message.partition,
                    timestamp_ms=message.timestamp_ms,
                    headers=message.headers,
                )
                for message in messages[at : at + IN_FLIGHT]
            ]
            await asyncio.gather(*sent)
        return Span(begun, time.monotonic())
    finally:
        await producer.stop()


async def consume_bare(gate: Gate, bootstrap_servers: str, topic: str, events: int) -> Span:
    """All messages through aiokafka, not even looked at."""
    collect_less_often()
    consumer = AIOKafkaConsumer(
        bootstrap_servers=bootstrap_servers,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        max_partition_fetch_bytes=4 * BATCH_BYTES,
    )
    await consumer.start()
    try:
        consumer.assign([TopicPartition(topic, partition) for partition in range(PARTITIONS)])
        await gate()
        begun = time.monotonic()
        taken = 0
        while taken < events:
            found = await consumer.getmany(timeout_ms=1_000, max_records=500)
            taken += sum(len(records) for records in found.values())
        return Span(begun, time.monotonic())
    finally:
        await consumer.stop()


async def _messages(database: str) -> Sequence[OutgoingMessage]:
    last = [0] * PARTITIONS
    messages: list[OutgoingMessage] = []
    async with PostgresEventLog.open(database, sequencer=False) as log:
        public = publication(DISPUTES, log)
        async for page in pages(log):
            messages += [message_of(event, last) for event in await public.publish(page)]
    return messages
