"""One service follows another: the same promises over the feed, over an in-memory broker and over a real Kafka."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any

import pytest
from support.databases import MakeDatabase
from support.eventually import eventually
from support.following import Follower, Publisher, publisher_and_follower
from support.kafka import Kafka
from support.notes import SeenNotes, notes_seen

from redress.contracts.envelope import PublishedEvent
from redress.messaging.kafka import KafkaBroker
from redress.messaging.memory import InMemoryBroker
from redress.messaging.port import Broker
from redress.projections.runner import Runner


@dataclass
class Both:
    publisher: Publisher
    follower: Follower
    transport: str

    def running(
        self, seen: SeenNotes, member: str = "worker", **options: Any
    ) -> AbstractAsyncContextManager[Runner[PublishedEvent]]:
        return self.follower.running(seen, self.transport, member, **options)


@pytest.fixture(params=["feed", "memory", "kafka"])
async def both(request: pytest.FixtureRequest, make_database: MakeDatabase) -> AsyncIterator[Both]:
    broker: Broker | None = None
    if request.param == "kafka":
        kafka: Kafka = request.getfixturevalue("kafka")
        broker = KafkaBroker(kafka.bootstrap_servers)
    elif request.param == "memory":
        broker = InMemoryBroker()
    async with publisher_and_follower(make_database, broker) as (publisher, follower):
        yield Both(publisher, follower, request.param)


async def test_every_published_event_is_applied_once_in_the_order_of_its_stream(both: Both) -> None:
    async with both.running(SeenNotes()):
        await both.publisher.notes("a", "a1", "a2")
        await both.publisher.notes("b", "b1", "secret", "b3")
        await both.publisher.delivered()
        await both.publisher.notes("a", "a3")
        await both.publisher.delivered()
        await both.follower.has_seen(["a1", "a2", "b1", "b3", "a3"])


async def test_a_restarted_follower_goes_on_where_it_was(both: Both) -> None:
    await both.publisher.notes("a", "a1", "a2")
    await both.publisher.delivered()
    async with both.running(SeenNotes()):
        await both.follower.has_seen(["a1", "a2"])
    await both.publisher.notes("a", "a3")
    await both.publisher.delivered()
    async with both.running(SeenNotes()):
        await both.follower.has_seen(["a1", "a2", "a3"])


async def test_a_new_follower_reads_everything_from_the_beginning(both: Both) -> None:
    expected = []
    for number in range(50):
        await both.publisher.notes(f"s{number % 20}", f"n{number}")
        expected.append(f"n{number}")
    await both.publisher.delivered()
    async with both.running(SeenNotes()):
        await both.follower.has_seen(expected)


async def test_a_failing_stream_is_parked_and_the_others_go_on(both: Both) -> None:
    seen = SeenNotes(poison=["poison"])
    async with both.running(seen) as runner:
        await both.publisher.notes("sick", "before", "poison", "behind")
        await both.publisher.notes("well", "fine")
        await both.publisher.delivered()
        await both.follower.has_seen(["before", "fine"])
        await both.publisher.notes("sick", "even later")
        await both.publisher.notes("well", "still fine")
        await both.publisher.delivered()
        await both.follower.has_seen(["before", "fine", "still fine"])

        async def three_parked() -> bool:
            parked = await both.follower.pool.fetchval("SELECT count(*) FROM es.parked WHERE parked_at IS NOT NULL")
            return bool(parked == 3)

        await eventually(three_parked)
        seen.poison.clear()
        released = await runner.unpark()
        assert (released.applied, released.remaining) == (3, 0)
        assert await notes_seen(both.follower.pool) == [
            "before",
            "poison",
            "behind",
            "fine",
            "even later",
            "still fine",
        ]


async def test_two_followers_of_the_same_name_double_nothing(both: Both) -> None:
    expected = []
    async with both.running(SeenNotes(), "one"), both.running(SeenNotes(), "two"):
        for number in range(40):
            await both.publisher.notes(f"s{number % 15}", f"n{number}")
            expected.append(f"n{number}")
            if number % 8 == 0:
                await both.publisher.delivered()
        await both.publisher.delivered()
        await both.follower.has_seen(expected, within_s=40.0)


async def test_events_of_all_tenants_arrive_with_their_tenant(both: Both) -> None:
    async with both.running(SeenNotes()):
        await both.publisher.notes("a", "acme's")
        await both.publisher.notes("b", "globex's", tenant="globex")
        await both.publisher.delivered()
        await both.follower.has_seen(["acme's", "globex's"])
    rows = await both.follower.pool.fetch("SELECT tenant_id, note FROM read.seen ORDER BY seq")
    assert [tuple(row) for row in rows] == [("acme", "acme's"), ("globex", "globex's")]
