"""The relay: what the log has is on the topic, in order, each event naming the one before it on its partition."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest
from support.databases import MakeDatabase
from support.event_log import stream_id
from support.eventually import eventually
from support.following import Publisher, publisher_and_follower
from support.running import running

from redress.contracts.envelope import PARTITIONS, partition_of
from redress.messaging.memory import InMemoryBroker
from redress.messaging.port import PublishFailed
from redress.messaging.relay import RelayFenced
from redress.messaging.source import EpochChanged


@pytest.fixture
def broker() -> InMemoryBroker:
    return InMemoryBroker()


@pytest.fixture
async def publisher(make_database: MakeDatabase, broker: InMemoryBroker) -> AsyncIterator[Publisher]:
    async with publisher_and_follower(make_database, broker) as (publisher, _):
        yield publisher


def chain(publisher: Publisher, partition: int) -> list[tuple[int, int]]:
    """(prev, seq) of the messages of a partition."""
    messages = publisher.in_memory.topic(publisher.topic).messages[partition]
    return [(int(message.headers["ce_prev"]), int(message.headers["ce_seq"])) for message in messages]


def all_seqs(publisher: Publisher) -> list[int]:
    return sorted(seq for partition in range(PARTITIONS) for _, seq in chain(publisher, partition))


async def checkpoint(publisher: Publisher) -> int:
    return int(await publisher.pool.fetchval("SELECT seq FROM es.consumer WHERE name = 'relay'"))


async def test_each_message_is_a_cloud_event_with_the_stream_as_its_key(publisher: Publisher) -> None:
    await publisher.notes("a", "one")
    await publisher.delivered()
    partition = partition_of(stream_id("a"))
    (message,) = publisher.in_memory.topic(publisher.topic).messages[partition]
    assert (message.key, message.value) == (str(stream_id("a")).encode(), b'{"note":"one"}')
    headers = dict(message.headers)
    assert headers.pop("ce_id").startswith(b"evt_")
    assert headers.pop("ce_time").endswith(b"Z")
    assert headers.pop("ce_epoch") == (await publisher.log.epoch()).encode()
    assert headers == {
        "content-type": b"application/json",
        "ce_specversion": b"1.0",
        "ce_source": b"/redress/notes-service/main",
        "ce_type": b"note-added",
        "ce_subject": str(stream_id("a")).encode(),
        "ce_dataschema": b"/schemas/note-added/1",
        "ce_tenant": b"acme",
        "ce_effectivetime": b"2026-03-30T16:02:00Z",
        "ce_seq": b"1",
        "ce_prev": b"0",
        "ce_version": b"1",
        "ce_correlationid": b"r-1",
    }


async def test_the_chain_of_a_partition_goes_on_after_a_restart(publisher: Publisher) -> None:
    await publisher.notes("a", "one", "secret", "three")
    await publisher.delivered()
    await publisher.notes("a", "four")
    await publisher.delivered()  # a new relay each time
    assert chain(publisher, partition_of(stream_id("a"))) == [(0, 1), (1, 3), (3, 4)]
    assert await checkpoint(publisher) == 4


async def test_many_batches_leave_nothing_out(publisher: Publisher) -> None:
    for number in range(60):
        await publisher.notes(f"s{number % 23}", f"n{number}")
    await publisher.in_the_log()
    await publisher.relay(batch=7).catch_up()
    assert all_seqs(publisher) == list(range(1, 61))
    for partition in range(PARTITIONS):
        seqs = [seq for _, seq in chain(publisher, partition)]
        assert [prev for prev, _ in chain(publisher, partition)] == [0, *seqs][:-1]


async def test_a_failed_batch_ends_the_relay_and_is_sent_again_from_the_checkpoint(
    publisher: Publisher, broker: InMemoryBroker
) -> None:
    await publisher.notes("a", "one")
    await publisher.delivered()
    await publisher.notes("a", "two")
    await publisher.in_the_log()
    broker.failing = True
    with pytest.raises(PublishFailed):
        await publisher.relay().catch_up()
    assert await checkpoint(publisher) == 1
    broker.failing = False
    await publisher.notes("a", "three")
    await publisher.delivered()
    assert chain(publisher, partition_of(stream_id("a"))) == [(0, 1), (1, 2), (2, 3)]


async def test_a_relay_that_died_before_its_checkpoint_repeats_the_same_messages(publisher: Publisher) -> None:
    await publisher.notes("a", "one", "two")
    await publisher.delivered()
    await publisher.pool.execute("UPDATE es.consumer SET seq = 0, position = NULL WHERE name = 'relay'")
    await publisher.delivered()
    assert chain(publisher, partition_of(stream_id("a"))) == [(0, 1), (1, 2), (0, 1), (1, 2)]


async def test_a_relay_whose_checkpoint_was_moved_by_another_ends(publisher: Publisher) -> None:
    await publisher.notes("a", "one")
    await publisher.in_the_log()
    zombie = publisher.relay()
    position = await zombie._position()
    await publisher.delivered()
    with pytest.raises(RelayFenced):
        await zombie._move(position, position)


async def test_a_second_relay_waits_until_the_first_is_gone(publisher: Publisher) -> None:
    async def copied(head: int) -> bool:
        # The checkpoint too: a relay that ends between the two leaves its last batch to be sent again, as it should.
        assert await checkpoint(publisher) == head
        assert all_seqs(publisher) == list(range(1, head + 1))
        return True

    async with AsyncExitStack() as second:
        async with running(publisher.relay().run):
            await publisher.notes("a", "one")
            await eventually(lambda: copied(1))
            await second.enter_async_context(running(publisher.relay().run))
            await publisher.notes("a", "two")
            await eventually(lambda: copied(2))
        await publisher.notes("a", "three")
        await eventually(lambda: copied(3))


async def test_a_restored_log_stops_the_relay(publisher: Publisher) -> None:
    await publisher.notes("a", "one")
    await publisher.delivered()
    await publisher.pool.execute("UPDATE es.consumer SET epoch = 'the one before' WHERE name = 'relay'")
    with pytest.raises(EpochChanged):
        await publisher.relay().catch_up()
