"""The log that a service follows was restored: it stops, and goes on in the new epoch once somebody has accepted it."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import asyncpg
import pytest
from support.databases import MakeDatabase
from support.following import SERVICE, publisher_and_follower
from support.notes import SeenNotes

from redress.contracts.envelope import PARTITIONS
from redress.messaging.memory import InMemoryBroker
from redress.messaging.port import TopicSpec
from redress.messaging.source import EpochChanged
from redress.projections import restoring

T = TypeVar("T")


@pytest.mark.parametrize("transport", ["kafka", "feed"])
async def test_a_follower_goes_on_in_the_new_epoch_and_on_the_new_topic(
    make_database: MakeDatabase, monkeypatch: pytest.MonkeyPatch, transport: str
) -> None:
    monkeypatch.setattr(restoring, "_SESSIONS", "SELECT usename FROM pg_user WHERE false")  # this test's own
    async with publisher_and_follower(make_database, InMemoryBroker()) as (publisher, follower):
        await publisher.notes("a", "one", "two")
        await publisher.notes("b", "three")
        await publisher.delivered()
        async with follower.running(SeenNotes(), transport):
            await follower.has_seen(["one", "two", "three"])

        declared = await in_transaction(publisher.database.owner, restoring.declare)
        await publisher.log.head()  # a process that starts now
        publisher.broker = InMemoryBroker()
        await publisher.broker.make_topics([TopicSpec(publisher.topic, PARTITIONS, 1)])
        await publisher.notes("a", "four")
        await publisher.delivered()
        with pytest.raises(EpochChanged):
            async with follower.running(SeenNotes(), transport):
                await asyncio.sleep(1.0)

        position = await in_transaction(
            follower.database.owner,
            lambda owner: restoring.accept(owner, f"seen:{SERVICE}", epoch=declared.epoch, head=declared.head),
        )
        assert position <= declared.head == 3
        async with follower.running(SeenNotes(), transport):
            await follower.has_seen(["one", "two", "three", "four"])
            await publisher.notes("c", "five")
            await publisher.delivered()
            await follower.has_seen(["one", "two", "three", "four", "five"])


async def in_transaction(dsn: str, work: Callable[[asyncpg.Connection], Awaitable[T]]) -> T:
    connection = await asyncpg.connect(dsn)
    try:
        async with connection.transaction():
            return await work(connection)
    finally:
        await connection.close()
