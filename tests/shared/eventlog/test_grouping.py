"""Which waiting commands go into the log together: never two that could hurt each other, never out of order."""

import asyncio

from support.event_log import a_command, a_write

from redress.eventlog.events import Appended, CommandRecord, StreamWrite
from redress.eventlog.grouping import GROUP_COMMANDS, Queued, Waiting
from redress.eventlog.log import VersionConflict

STORED = Appended({})


def queued(*streams: str, key: str | None = None, after: tuple[Queued, ...] = ()) -> Queued:
    writes: list[StreamWrite] = [a_write(stream, 0, "n") for stream in streams]
    command: CommandRecord | None = None if key is None else a_command(key)
    done: asyncio.Future[Appended] = asyncio.get_running_loop().create_future()
    return Queued(tenant_id="acme", writes=writes, command=command, done=done, bytes=10, after=after)


def waiting(*commands: Queued) -> Waiting:
    line = Waiting()
    for command in commands:
        line.put(command)
    return line


async def test_commands_on_different_streams_go_together() -> None:
    one, two = queued("a"), queued("b")
    assert waiting(one, two).take() == [one, two]


async def test_of_two_on_one_stream_the_second_waits_until_the_first_is_through() -> None:
    one, two = queued("a"), queued("a")
    line = waiting(one, two)
    assert line.take() == [one]
    assert line.take() == []
    line.release([one])
    assert line.take() == [two]


async def test_one_decided_on_the_other_goes_along_behind_it() -> None:
    one = queued("a")
    two = queued("a", after=(one,))
    three = queued("a", "b", after=(two,))
    assert waiting(one, two, three).take() == [one, two, three]


async def test_one_decided_on_a_command_in_flight_waits_for_it() -> None:
    one = queued("a")
    two = queued("a", after=(one,))
    line = waiting(one)
    assert line.take() == [one]
    line.put(two)
    assert line.take() == []
    one.settle(STORED)
    line.release([one])
    assert line.take() == [two]


async def test_nobody_overtakes_one_who_has_to_wait() -> None:
    holder, waits, later = queued("a"), queued("a", "b"), queued("b")
    line = waiting(holder, waits, later)
    assert line.take() == [holder]
    line.release([holder])
    assert line.take() == [waits]


async def test_one_decided_on_another_does_not_get_past_a_stranger_on_its_other_stream() -> None:
    one, stranger = queued("a"), queued("b")
    two = queued("a", "b", after=(one,))
    line = waiting(one, stranger, two)
    assert line.take() == [one, stranger]
    assert len(line) == 1


async def test_one_key_is_never_twice_in_a_group() -> None:
    one = queued("a", key="k")
    two = queued("a", key="k", after=(one,))
    assert waiting(one, two).take() == [one]


async def test_who_was_decided_on_something_that_failed_or_was_given_up_is_refused() -> None:
    failed, given_up, repeated = queued("a"), queued("b"), queued("c")
    failed.settle(VersionConflict(failed.writes[0].stream_id, 0, 3))
    given_up.done.cancel()
    repeated.settle(Appended({}, replayed=object()))  # type: ignore[arg-type]
    followers = [queued(name, after=(before,)) for name, before in (("a", failed), ("b", given_up), ("c", repeated))]
    assert waiting(*followers).take() == []
    assert {type(follower.done.exception()) for follower in followers} == {VersionConflict}


async def test_who_gave_up_is_not_appended() -> None:
    gone, stays = queued("a"), queued("a")
    gone.done.cancel()
    assert waiting(gone, stays).take() == [stays]


async def test_a_group_has_an_end() -> None:
    line = waiting(*(queued(f"s{number}") for number in range(GROUP_COMMANDS + 1)))
    assert len(line.take()) == GROUP_COMMANDS
    assert len(line) == 1
