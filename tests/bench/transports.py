"""From dispute-service's log into a projection of another service: over the feed, and over Kafka.

The mechanisms are the real ones, each in a process of its own: dispute-service's API serves the feed, its relay writes
the topic, and the consumer keeps notification-service's `dispute_state`. Every event is published and is one upsert.
"""

import asyncio
import random
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from itertools import count
from pathlib import Path
from uuid import UUID

import asyncpg
from support.databases import Database
from support.eventually import eventually
from support.issuer import Issuer

from bench.append import EVENTSOURCING, OURS
from bench.databases import Stand, settle
from bench.disputes import EVENTS, TENANT, fill_with_disputes, life_of, next_of
from bench.followers import Following, catch_up, consume_bare, produce_bare, relay_all, relay_on, visible
from bench.measure import Comparison, Figure, Rounds, Run, compare, percentile
from bench.peers import Eventsourcing, project_balances
from bench.processes import Child, Span, child
from bench.services import api, dispute_tables, notification_tables
from bench.subject import a_command
from redress.contracts.envelope import PARTITIONS
from redress.eventlog.postgres import PostgresEventLog
from redress.ids import new_uuid
from redress.messaging.kafka import KafkaBroker
from redress.messaging.port import TopicSpec
from redress_local.kafka import KafkaCluster

OVER_FEED = f"{OURS}, log → feed → projection"
OVER_KAFKA = f"{OURS}, log → Kafka → projection"
RELAY = f"{OURS}, log → Kafka"
FROM_KAFKA = f"{OURS}, Kafka → projection"
BARE = "bare aiokafka producer"
BARE_CONSUMER = "bare aiokafka consumer"
PEER_EVENTS = 3_000  # it takes one transaction for each
PER_SECOND = 40  # appends a second while latency is measured
WARM_UP = 40
P50, P99 = "p50", "p99"

_numbers = count(1)


@dataclass(frozen=True)
class _Field:
    """The log that is followed, with everything that can be followed of it."""

    stand: Stand
    published: Database
    bootstrap_servers: str
    url: str
    token: str

    async def follower(self, topic: str | None = None) -> Following:
        """A follower that knows nothing yet, of the topic or else of the feed."""
        database = await self.stand.make("notification", prepare=notification_tables)
        kafka = None if topic is None else self.bootstrap_servers
        return Following(
            database=database.worker, url=self.url, token=self.token, bootstrap_servers=kafka, topic=topic or ""
        )

    async def new_topic(self) -> str:
        """An empty topic, and a relay that has sent nothing yet."""
        topic = f"bench.disputes.{next(_numbers)}"
        await KafkaBroker(self.bootstrap_servers, client_id="bench").make_topics([TopicSpec(topic, PARTITIONS, 1)])
        connection = await asyncpg.connect(self.published.superuser)
        await connection.execute("DELETE FROM es.consumer")
        await connection.close()
        return topic


async def transports(stand: Stand, rounds: Rounds, events: int, latencies: int) -> list[Comparison]:
    """Catch-up from the beginning of a log of so many events; latency of so many single ones in an idle system."""
    events -= events % EVENTS
    async with AsyncExitStack() as stack:
        kafka = await stack.enter_async_context(_kafka())
        issuer = await stack.enter_async_context(Issuer().serving())
        async with _field(stand, issuer, kafka) as field:
            done = [await _latency_over_feed(field, latencies), await _latency_over_kafka(field, latencies)]
        field = await stack.enter_async_context(_field(stand, issuer, kafka))
        async with PostgresEventLog.open(field.published.api) as log:
            await fill_with_disputes(log, events)
        peer = Eventsourcing(peer_dsn := await stand.fresh("eventsourcing_projection"))
        for _ in range(min(PEER_EVENTS, events) // EVENTS):
            peer.insert(EVENTS)
        peer.close()
        await settle(stand.cluster.superuser_dsn)
        return await _catching_up(field, peer_dsn, rounds, events) + done


@asynccontextmanager
async def _kafka() -> AsyncIterator[str]:
    """One node, as `make run` has it."""
    with tempfile.TemporaryDirectory(prefix="redress-bench-kafka-", ignore_cleanup_errors=True) as folder:
        cluster = KafkaCluster(Path(folder))
        await asyncio.to_thread(cluster.start)
        try:
            yield cluster.bootstrap_servers
        finally:
            await asyncio.to_thread(cluster.stop)


@asynccontextmanager
async def _field(stand: Stand, issuer: Issuer, bootstrap_servers: str) -> AsyncIterator[_Field]:
    published = await stand.make("dispute", prepare=dispute_tables)
    async with api(stand, issuer, published) as (port, _):
        token = issuer.token("service", tenant="*", expires_in=timedelta(hours=2))
        yield _Field(stand, published, bootstrap_servers, f"http://127.0.0.1:{port}", token)


# -- catching up


async def _catching_up(field: _Field, peer_dsn: str, rounds: Rounds, events: int) -> list[Comparison]:
    topic = ""

    async def over_feed() -> float:
        return events / (await _alone(catch_up, await field.follower(), events)).seconds

    async def over_kafka() -> float:
        """Relay and consumer at the same time, from the relay's start to the consumer's last commit."""
        new = await field.new_topic()
        follower = await field.follower(new)
        async with (
            child(catch_up, follower, events) as consumer,
            child(relay_all, field.published.worker, field.bootstrap_servers, new, events) as relay,
        ):
            await asyncio.gather(consumer.at_gate(), relay.at_gate())
            consumer.let_go()
            relay.let_go()
            sent: Span = await relay.result()
            taken: Span = await consumer.result()
        await _complete(follower, events)
        return events / (taken.ended - sent.begun)

    async def relayed() -> float:
        nonlocal topic
        topic = await field.new_topic()
        span = await _alone(relay_all, field.published.worker, field.bootstrap_servers, topic, events)
        return events / span.seconds

    async def produced() -> float:
        new = await field.new_topic()
        span = await _alone(produce_bare, field.published.worker, field.bootstrap_servers, new, events)
        return events / span.seconds

    async def consumed() -> float:
        follower = await field.follower(topic)
        span = await _alone(catch_up, follower, events)
        await _complete(follower, events)
        return events / span.seconds

    async def consumed_bare() -> float:
        return events / (await _alone(consume_bare, field.bootstrap_servers, topic, events)).seconds

    async def projected_by_peer() -> float:
        few = min(PEER_EVENTS, events)
        return few / (await _alone(project_balances, peer_dsn, few)).seconds

    into: dict[str, Run] = {
        EVENTSOURCING: projected_by_peer,
        OVER_FEED: over_feed,
        OVER_KAFKA: over_kafka,
        FROM_KAFKA: consumed,
        BARE_CONSUMER: consumed_bare,
    }
    out: dict[str, Run] = {BARE: produced, RELAY: relayed}
    out_of_the_log = await compare(
        f"relay of {events:,} dispute events to Kafka", "events/s", out, rounds=rounds, baseline=BARE
    )
    title = f"catch-up of a projection by {events:,} dispute events"
    return [await compare(title, "events/s", into, rounds=rounds, baseline=EVENTSOURCING), out_of_the_log]


async def _alone(work: Callable[..., Awaitable[Span]], *arguments: object) -> Span:
    async with child(work, *arguments) as one:
        await one.at_gate()
        one.let_go()
        span: Span = await one.result()
        return span


async def _complete(follower: Following, events: int) -> None:
    """Each dispute is there, as its last event left it."""
    connection = await asyncpg.connect(follower.database)
    try:
        found = await connection.fetchrow("SELECT count(*), min(version), max(version) FROM read.dispute_state")
        assert found is not None
        assert tuple(found) == (events // EVENTS, EVENTS, EVENTS), found
    finally:
        await connection.close()


# -- how long until it can be seen


async def _latency_over_feed(field: _Field, events: int) -> Comparison:
    follower = await field.follower()
    async with child(visible, follower) as consumer:
        return _latency("the feed", await _appended(field, follower, events, consumer))


async def _latency_over_kafka(field: _Field, events: int) -> Comparison:
    topic = await field.new_topic()
    follower = await field.follower(topic)
    async with (
        child(visible, follower) as consumer,
        child(relay_on, field.published.worker, field.bootstrap_servers, topic) as relay,
    ):
        taken = await _appended(field, follower, events, consumer)
        await relay.at_gate()
        relay.let_go()
        await relay.result()
        return _latency("Kafka", taken)


def _latency(transport: str, taken: list[float]) -> Comparison:
    shares = ((P50, 0.5), ("p90", 0.9), (P99, 0.99), ("max", 1.0))
    figures = {
        name: Figure(name, "ms", value := percentile(taken, share) * 1000, [value], None, []) for name, share in shares
    }
    title = f"commit → visible over {transport}, {PER_SECOND} events/s, {len(taken)} events"
    return Comparison(title, None, figures, lower_is_better=True)


async def _appended(field: _Field, follower: Following, events: int, consumer: Child) -> list[float]:
    """Seconds from each append's return to the commit of the projection, in a system with nothing else to do."""
    await consumer.at_gate()
    returned: dict[UUID, float] = {}
    connection = await asyncpg.connect(follower.database)
    before = 0

    async def all_visible() -> bool:
        found: int = await connection.fetchval("SELECT count(*) FROM read.dispute_state")
        return found >= before + len(returned)

    async def append() -> None:
        stream = new_uuid()
        await log.append(TENANT, [next_of(stream, 0, life_of(len(returned)))], a_command())
        returned[stream] = time.monotonic()

    try:
        async with PostgresEventLog.open(field.published.api) as log:
            before = await log.head()
            for _ in range(WARM_UP):
                await append()
            await eventually(all_visible, 60.0)
            warm = set(returned)
            for _ in range(events):
                await asyncio.sleep(random.uniform(0.5, 1.5) / PER_SECOND)  # noqa: S311 - not a secret
                await append()
            await eventually(all_visible, 60.0)
    finally:
        await connection.close()
    consumer.let_go()
    visible_at: dict[UUID, float] = await consumer.result()
    return [visible_at[stream] - at for stream, at in returned.items() if stream not in warm]
