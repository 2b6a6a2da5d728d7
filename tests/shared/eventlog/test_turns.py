"""Commands on one stream go one after the other in the order in which they came; others do not wait."""

import asyncio

import msgspec
import pytest
from support.event_log import EFFECTIVE, a_command, a_write, stream_id

from redress.eventlog import aggregates
from redress.eventlog import turns as turns_module
from redress.eventlog.aggregates import Aggregate, Loaded
from redress.eventlog.codec import Codec
from redress.eventlog.events import Actor, Meta
from redress.eventlog.log import LogUnavailable, VersionConflict
from redress.eventlog.memory import InMemoryEventLog
from redress.eventlog.turns import Turns
from redress.ids import new_uuid

A, B = stream_id("a"), stream_id("b")


class Counted(msgspec.Struct, frozen=True):
    by: int


CODEC: Codec[Counted] = Codec({"counted": (1, Counted)})
COUNTER: Aggregate[int, Counted] = Aggregate("counter", 0, lambda state, event: state + event.by, CODEC)


async def count(log: InMemoryEventLog, turns: Turns, by: int, tenant: str = "acme") -> int:
    """A command as services write them; the counter's value after it. It refuses to go beyond 100."""
    anew = False
    meta = Meta(actor=Actor("system", "test"), command_id=str(new_uuid()), correlation_id="c")
    while True:
        async with turns.of(A) as turn:
            loaded = await turn.load(log, COUNTER, tenant, A, anew=anew)
            if loaded.state + by > 100:
                if turn.certain:
                    raise OverflowError
                anew = True
                continue
            write, state = aggregates.write(COUNTER, loaded, [Counted(by)], meta, EFFECTIVE)
            left = Loaded(A, loaded.version + 1, state)
            queued = turn.enqueue(log, tenant, [write], a_command(str(new_uuid())), leaving=[left])
        try:
            await queued.done
        except VersionConflict:
            anew = True
        else:
            return state


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

    async def command(name: str, *streams: object) -> None:
        async with turns.of(*streams):  # type: ignore[arg-type]
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
    assert not turns._places


async def test_a_queue_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns_module, "WAITING_LIMIT", 1)
    turns = Turns()
    async with turns.of(A):
        with pytest.raises(LogUnavailable):
            async with turns.of(A):
                pass


async def test_each_is_decided_on_what_those_before_it_leave_behind() -> None:
    log, turns = InMemoryEventLog(), Turns()
    assert await asyncio.gather(*(count(log, turns, 1) for _ in range(20))) == list(range(1, 21))
    assert (await aggregates.load(log, COUNTER, "acme", A)).state == 20
    assert not turns._places


async def test_all_begin_again_when_another_process_was_faster() -> None:
    log, turns = InMemoryEventLog(), Turns()
    await count(log, turns, 1)
    async with turns.of(A):
        here = [asyncio.create_task(count(log, turns, 10)) for _ in range(3)]
        await asyncio.sleep(0)
        elsewhere = Loaded(A, 1, 1)
        meta = Meta(actor=Actor("system", "test"), command_id="elsewhere", correlation_id="c")
        write, _ = aggregates.write(COUNTER, elsewhere, [Counted(5)], meta, EFFECTIVE)
        await log.append("acme", [write])
    assert sorted(await asyncio.gather(*here)) == [16, 26, 36]


async def test_nobody_is_refused_for_something_that_did_not_come_about() -> None:
    """The second would go beyond 100 only if the first succeeded, and the first does not."""
    log, turns = InMemoryEventLog(), Turns()
    async with turns.of(A) as turn:
        await turn.load(log, COUNTER, "acme", A)
        doomed = turn.enqueue(log, "acme", [a_write(A, 7, "wrong version")], None, leaving=[Loaded(A, 8, 99)])
    assert await count(log, turns, 10) == 10
    with pytest.raises(VersionConflict):
        await doomed.done


async def test_who_is_refused_for_good_is_refused() -> None:
    log, turns = InMemoryEventLog(), Turns()
    outcomes = await asyncio.gather(count(log, turns, 60), count(log, turns, 60), return_exceptions=True)
    assert outcomes[0] == 60
    assert isinstance(outcomes[1], OverflowError)


async def test_what_one_tenant_leaves_behind_is_nothing_to_another() -> None:
    log, turns = InMemoryEventLog(), Turns()
    async with turns.of(A) as turn:
        await turn.load(log, COUNTER, "acme", A)
        turn.enqueue(log, "acme", [a_write(A, 0, "n")], None, leaving=[Loaded(A, 1, 99)])
    async with turns.of(A) as turn:
        assert (await turn.load(log, COUNTER, "globex", A)).state == 0
