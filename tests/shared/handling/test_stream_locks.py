"""Commands on one stream go one after the other in the order in which they came; others do not wait."""

import asyncio
from uuid import UUID

import pytest
from support.event_log import stream_id

from redress.eventlog.log import LogUnavailable
from redress.handling import stream_locks
from redress.handling.stream_locks import StreamLocks

A, B = stream_id("a"), stream_id("b")


async def test_those_who_want_the_same_stream_come_one_by_one_in_their_order() -> None:
    locks, story = StreamLocks(), list[str]()

    async def command(name: str) -> None:
        async with locks.hold([A]):
            story.append(f"{name} begins")
            await asyncio.sleep(0)
            story.append(f"{name} ends")

    await asyncio.gather(*(command(name) for name in "xyz"))
    assert story == ["x begins", "x ends", "y begins", "y ends", "z begins", "z ends"]


async def test_another_stream_is_not_waited_for() -> None:
    locks = StreamLocks()
    async with locks.hold([A]), asyncio.timeout(1.0), locks.hold([B]):
        pass


async def test_two_who_want_the_same_two_streams_never_block_each_other_whatever_order_they_name_them_in() -> None:
    locks, done = StreamLocks(), list[str]()

    async def command(name: str, *streams: UUID) -> None:
        async with locks.hold([*streams]):
            await asyncio.sleep(0)
            done.append(name)

    async with asyncio.timeout(1.0):
        await asyncio.gather(command("one", A, B), command("two", B, A), command("three", B, B))
    assert sorted(done) == ["one", "three", "two"]


async def test_one_that_fails_or_gives_up_lets_the_next_in() -> None:
    locks = StreamLocks()

    async def fails() -> None:
        async with locks.hold([A]):
            raise KeyError("refused")

    async with locks.hold([A]):
        gives_up = asyncio.create_task(fails())
        waits = asyncio.create_task(fails())
        await asyncio.sleep(0)
        gives_up.cancel()
    with pytest.raises(KeyError):
        await waits
    async with asyncio.timeout(1.0), locks.hold([A]):
        pass
    assert not locks._locks
    assert not locks._users


async def test_a_queue_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream_locks, "WAITING_LIMIT", 1)
    locks = StreamLocks()
    async with locks.hold([A]):
        with pytest.raises(LogUnavailable):
            async with locks.hold([A]):
                pass


async def test_nobody_waits_for_all_those_before_while_the_database_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream_locks, "WAITING_S", 0.01)
    locks = StreamLocks()
    async with locks.hold([A]):
        with pytest.raises(LogUnavailable):
            async with locks.hold([B, A]):
                pass
        async with asyncio.timeout(1.0), locks.hold([B]):
            pass
