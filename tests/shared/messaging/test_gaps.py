"""What a topic does not deliver comes from the feed; what cannot be had from anywhere stops the consumer."""

from collections.abc import AsyncIterator

import msgspec
import pytest
from support.databases import MakeDatabase
from support.event_log import stream_id
from support.following import Follower, Publisher, publisher_and_follower
from support.notes import SeenNotes, notes_seen

from redress.contracts.envelope import PublishedEvent, partition_of
from redress.messaging.memory import InMemoryBroker
from redress.messaging.port import IncomingMessage, OutgoingMessage, TopicSpec
from redress.messaging.source import EpochChanged, GapNotClosed
from redress.projections.runner import Runner

PARTITION = partition_of(stream_id("a"))


@pytest.fixture
async def both(make_database: MakeDatabase) -> AsyncIterator[tuple[Publisher, Follower]]:
    async with publisher_and_follower(make_database, InMemoryBroker()) as made:
        yield made


def messages(publisher: Publisher) -> list[IncomingMessage]:
    return publisher.in_memory.topic(publisher.topic).messages[PARTITION]


async def caught_up(follower: Follower, seen: SeenNotes | None = None) -> Runner[PublishedEvent]:
    """A process that takes what the topic has and ends."""
    runner = Runner(follower.pool, seen or SeenNotes(), follower.source("kafka"), pauses_s=(0.0,))
    await runner.open()
    try:
        await runner.catch_up()
    finally:
        await runner.close()
    return runner


async def test_a_message_that_is_missing_in_the_topic_is_fetched_from_the_feed(
    both: tuple[Publisher, Follower],
) -> None:
    publisher, follower = both
    await publisher.notes("a", "one", "two", "three", "four")
    await publisher.delivered()
    del messages(publisher)[1:3]
    runner = await caught_up(follower)
    assert await notes_seen(follower.pool) == ["one", "two", "three", "four"]
    assert runner._metrics.gaps.labels(runner.name)._value.get() == 1


async def test_what_retention_took_away_is_fetched_from_the_feed(both: tuple[Publisher, Follower]) -> None:
    publisher, follower = both
    await publisher.notes("a", "one")
    await publisher.delivered()
    await caught_up(follower)
    await publisher.notes("a", "two", "three")
    await publisher.notes("b", "other")
    await publisher.delivered()
    publisher.in_memory.trim(publisher.topic, PARTITION, before=3)
    await caught_up(follower)
    assert await notes_seen(follower.pool) == ["one", "two", "three", "other"]


async def test_a_topic_that_was_lost_and_made_again_loses_nothing(both: tuple[Publisher, Follower]) -> None:
    publisher, follower = both
    await publisher.notes("a", "one", "two")
    await publisher.delivered()
    await caught_up(follower)
    await publisher.notes("a", "three")
    await publisher.delivered()
    publisher.in_memory._topics.clear()
    await publisher.in_memory.make_topics([TopicSpec(publisher.topic, 12, 1)])
    await publisher.notes("a", "four")
    await publisher.delivered()
    await caught_up(follower)
    assert await notes_seen(follower.pool) == ["one", "two", "three", "four"]


async def test_a_gap_that_the_feed_cannot_close_stops_the_consumer(both: tuple[Publisher, Follower]) -> None:
    publisher, follower = both
    await publisher.notes("a", "one")
    await publisher.delivered()
    (message,) = messages(publisher)
    beyond = {**message.headers, "ce_seq": b"9", "ce_prev": b"8"}
    messages(publisher)[0] = msgspec.structs.replace(message, headers=beyond)
    with pytest.raises(GapNotClosed):
        await caught_up(follower)
    assert await notes_seen(follower.pool) == []


async def test_a_message_of_another_epoch_stops_the_consumer(both: tuple[Publisher, Follower]) -> None:
    publisher, follower = both
    await publisher.notes("a", "one", "two")
    await publisher.delivered()
    restored = {**messages(publisher)[1].headers, "ce_epoch": b"restored"}
    messages(publisher)[1] = msgspec.structs.replace(messages(publisher)[1], headers=restored)
    with pytest.raises(EpochChanged):
        await caught_up(follower)
    assert await notes_seen(follower.pool) == ["one"]


async def test_a_stranger_s_message_in_our_topic_is_passed_over(both: tuple[Publisher, Follower]) -> None:
    publisher, follower = both
    await publisher.notes("a", "one")
    await publisher.delivered()
    producer = publisher.in_memory.producer()
    await producer.publish(publisher.topic, [OutgoingMessage(PARTITION, b"k", b"hello", (), 0)])
    await publisher.notes("a", "two")
    await publisher.delivered()
    await caught_up(follower)
    assert await notes_seen(follower.pool) == ["one", "two"]


async def test_repeated_messages_are_dropped(both: tuple[Publisher, Follower]) -> None:
    publisher, follower = both
    await publisher.notes("a", "one", "two")
    await publisher.delivered()
    await publisher.pool.execute("UPDATE es.consumer SET seq = 0, position = NULL WHERE name = 'relay'")
    await publisher.notes("a", "three")
    await publisher.delivered()
    assert len(messages(publisher)) == 5
    await caught_up(follower)
    assert await notes_seen(follower.pool) == ["one", "two", "three"]


async def test_changing_the_transport_back_and_forth_doubles_and_loses_nothing(
    both: tuple[Publisher, Follower],
) -> None:
    publisher, follower = both
    expected: list[str] = []

    async def more(transport: str) -> None:
        for number in range(10):
            note = f"{transport} {len(expected)}"
            await publisher.notes(f"s{number % 4}", note)
            expected.append(note)
        await publisher.delivered()
        async with follower.running(SeenNotes(), transport):
            await follower.has_seen(expected)

    for transport in ("kafka", "feed", "kafka", "feed", "feed", "kafka"):
        await more(transport)
    assert len(await notes_seen(follower.pool)) == 60


async def test_the_broker_is_told_how_far_the_group_is_for_lag_monitors(both: tuple[Publisher, Follower]) -> None:
    publisher, follower = both
    await publisher.notes("a", "one", "two")
    await publisher.delivered()
    await caught_up(follower)
    assert publisher.in_memory.committed == {(publisher.topic, follower.group): {PARTITION: 2}}
