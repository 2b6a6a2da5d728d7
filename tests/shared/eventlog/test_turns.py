"""Commands on one stream go one after the other in the order in which they came; others do not wait."""

import asyncio
from uuid import UUID

import pytest
from support.event_log import stream_id

from redress.eventlog import turns as turns_module
from redress.eventlog.log import LogUnavailable
from redress.eventlog.turns import Turns

A, B = stream_id("a"), stream_id("b")


async def test_those_who_want_the_same_stream_come_one_by_one_in_their_order() -> None:
    turns, story = Turns(), list[str]()

    async def command(name: str) -> None:
        async with turns.of(A):
            story.append(f"{name} begins")
            await asyncio.sleep(0)
            story.append(f"{name} ends")

    await asyncio.gather(*(command(name) for name in "xyz"))
    assert story == ["x begins", "x ends", "y begins", "y ends", "z begins", "z ends"]


async def test_another_stream_is_not_waited_for() -> None:
    turns = Turns()
    async with turns.of(A), asyncio.timeout(1.0), turns.of(B):
        pass


async def test_two_who_want_the_same_two_streams_never_block_each_other_whatever_order_they_name_them_in() -> None:
    turns, done = Turns(), list[str]()

    async def command(name: str, *streams: UUID) -> None:
        async with turns.of(*streams):
            await asyncio.sleep(0)
            done.append(name)

    async with asyncio.timeout(1.0):
        await asyncio.gather(command("one", A, B), command("two", B, A), command("three", B, B))
    assert sorted(done) == ["one", "three", "two"]


async def test_one_that_fails_or_gives_up_lets_the_next_in() -> None:
    turns = Turns()

    async def fails() -> None:
        async with turns.of(A):
            raise KeyError("refused")

    async with turns.of(A):
        gives_up = asyncio.create_task(fails())
        waits = asyncio.create_task(fails())
        await asyncio.sleep(0)
        gives_up.cancel()
    with pytest.raises(KeyError):
        await waits
    async with asyncio.timeout(1.0), turns.of(A):
        pass
    assert not turns._locks
    assert not turns._users


async def test_a_queue_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns_module, "WAITING_LIMIT", 1)
    turns = Turns()
    async with turns.of(A):
        with pytest.raises(LogUnavailable):
            async with turns.of(A):
                pass


async def test_nobody_waits_for_all_those_before_while_the_database_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns_module, "WAITING_S", 0.01)
    turns = Turns()
    async with turns.of(A):
        with pytest.raises(LogUnavailable):
            async with turns.of(B, A):
                pass
        async with asyncio.timeout(1.0), turns.of(B):
            pass
