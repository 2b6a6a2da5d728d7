"""One command, whoever runs it: one effect per key, on the version it was decided on, decided anew when it lost a race.

Both ways of running are held to the same sentences: reading first, and deciding on what the process remembers.
"""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from support.counters import COUNTER, OverLimit, ask, counter, counting

from redress.decider import load
from redress.eventlog.log import KeyReused, VersionConflict
from redress.eventlog.memory import InMemoryEventLog
from redress.handling.command import CommandContext, CommandResult, StaleVersion
from redress.handling.command_runner import CommandJob, CommandRunner

Run = Callable[[CommandRunner, CommandContext, CommandJob], Awaitable[CommandResult]]


@pytest.fixture
def log() -> InMemoryEventLog:
    return InMemoryEventLog()


@pytest.fixture(params=[CommandRunner.run, CommandRunner.run_cached], ids=["read first", "remembered"])
def run(request: pytest.FixtureRequest) -> Run:
    chosen: Run = request.param
    return chosen


async def total(log: InMemoryEventLog, name: str = "a") -> int:
    return (await load(log, COUNTER, "acme", counter(name))).state


async def test_a_command_is_answered_and_what_it_decided_is_stored(log: InMemoryEventLog, run: Run) -> None:
    answered = await run(CommandRunner(log), ask("k"), counting(("a", 3)))
    assert (answered.status, answered.body, answered.replayed, answered.changed) == (201, b"[3]", False, True)
    assert await total(log) == 3


async def test_a_repeated_command_has_one_effect_and_the_first_answer_in_another_process_too(
    log: InMemoryEventLog, run: Run
) -> None:
    here, there = CommandRunner(log), CommandRunner(log)
    await run(here, ask("k"), counting(("a", 3)))
    await run(here, ask("other"), counting(("a", 4)))
    for runner in (here, there):
        again = await run(runner, ask("k"), counting(("a", 3)))
        assert (again.body, again.replayed) == (b"[3]", True)
    assert await total(log) == 7


async def test_a_repetition_is_answered_as_the_first_time_where_the_rules_would_refuse_it_by_now(
    log: InMemoryEventLog, run: Run
) -> None:
    runner = CommandRunner(log)
    await run(runner, ask("k"), counting(("a", 60)))
    again = await run(runner, ask("k"), counting(("a", 60)))
    assert (again.body, again.replayed) == (b"[60]", True)


async def test_a_key_that_was_used_for_another_request_is_refused(log: InMemoryEventLog, run: Run) -> None:
    runner = CommandRunner(log)
    await run(runner, ask("k"), counting(("a", 3)))
    with pytest.raises(KeyReused):
        await run(runner, ask("k", request=b"another"), counting(("a", 4)))
    assert await total(log) == 3


async def test_a_refusal_is_of_the_state_as_it_is_and_stores_nothing(log: InMemoryEventLog, run: Run) -> None:
    here, there = CommandRunner(log), CommandRunner(log)
    await run(here, ask("k-1"), counting(("a", 90)))
    await run(there, ask("k-2"), counting(("a", -50)))
    # `here` remembers 90; a refusal on that would be wrong.
    answered = await run(here, ask("k-3"), counting(("a", 30)))
    assert answered.body == b"[70]"
    with pytest.raises(OverLimit):
        await run(here, ask("k-4"), counting(("a", 31)))
    assert await log.answer("acme", "k-4") is None


async def test_a_command_that_lost_a_race_is_decided_anew(log: InMemoryEventLog, run: Run) -> None:
    here, there = CommandRunner(log), CommandRunner(log)
    raced: list[str] = []

    async def once() -> None:
        if not raced:
            raced.append("yes")
            await there.run(ask("quicker"), counting(("a", 10)))

    answered = await run(here, ask("k"), counting(("a", 5), meanwhile=once))
    assert answered.body == b"[15]"


async def test_a_command_that_always_loses_the_race_is_refused_in_the_end(log: InMemoryEventLog, run: Run) -> None:
    here, there = CommandRunner(log), CommandRunner(log)
    tries: list[int] = []

    async def always() -> None:
        tries.append(1)
        await there.run(ask(f"quicker {len(tries)}"), counting(("a", 1)))

    with pytest.raises(VersionConflict):
        await run(here, ask("k"), counting(("a", 5), meanwhile=always))
    assert await total(log) == len(tries)


async def test_several_streams_are_changed_together_or_not_at_all(log: InMemoryEventLog, run: Run) -> None:
    runner = CommandRunner(log)
    await run(runner, ask("k-1"), counting(("a", 1), ("b", 2)))
    with pytest.raises(OverLimit):
        await run(runner, ask("k-2"), counting(("a", 1), ("b", 99)))
    assert (await total(log, "a"), await total(log, "b")) == (1, 2)


async def test_a_command_that_changes_nothing_is_stored_as_answered(log: InMemoryEventLog, run: Run) -> None:
    runner = CommandRunner(log)
    answered = await run(runner, ask("k"), counting(("a", 0)))
    assert (answered.body, answered.changed) == (b"[0]", False)
    assert (await run(runner, ask("k"), counting(("a", 0)))).replayed


async def test_what_is_remembered_of_one_tenant_never_serves_another(log: InMemoryEventLog, run: Run) -> None:
    runner = CommandRunner(log)
    await run(runner, ask("k"), counting(("a", 3)))
    assert (await run(runner, ask("k", tenant="globex"), counting(("a", 1)))).body == b"[1]"


async def test_the_version_that_the_caller_names_is_held_to(log: InMemoryEventLog) -> None:
    runner = CommandRunner(log)
    await runner.run(ask("k-1"), counting(("a", 3)))
    with pytest.raises(StaleVersion) as stale:
        await runner.run(ask("k-2", expected=7), counting(("a", 1)))
    assert stale.value.actual == 1
    assert (await runner.run(ask("k-3", expected=1), counting(("a", 1)))).body == b"[4]"


async def test_a_version_that_passes_while_the_command_is_decided_is_stale(log: InMemoryEventLog) -> None:
    here, there = CommandRunner(log), CommandRunner(log)
    await here.run(ask("k-1"), counting(("a", 3)))

    async def meanwhile() -> None:
        await there.run(ask("quicker"), counting(("a", 10)))

    with pytest.raises(StaleVersion) as stale:
        await here.run(ask("k-2", expected=1), counting(("a", 1), meanwhile=meanwhile))
    assert stale.value.actual == 2


async def test_many_commands_at_once_on_one_stream_each_have_their_effect(log: InMemoryEventLog) -> None:
    runner = CommandRunner(log)
    answers = await asyncio.gather(*(runner.run(ask(f"k-{number}"), counting(("a", 1))) for number in range(40)))
    assert sorted(int(answered.body.strip(b"[]")) for answered in answers) == list(range(1, 41))


async def test_one_command_sent_many_times_at_once_has_one_effect(log: InMemoryEventLog) -> None:
    runner = CommandRunner(log)
    answers = await asyncio.gather(*(runner.run(ask("k"), counting(("a", 1))) for _ in range(20)))
    assert {answered.body for answered in answers} == {b"[1]"}
    assert await total(log) == 1


async def test_a_decision_that_rests_on_a_stream_it_leaves_alone_is_made_on_what_is_stored(
    log: InMemoryEventLog,
) -> None:
    here, there = CommandRunner(log), CommandRunner(log)
    await here.run_cached(ask("k-1"), counting(("a", 1), ("b", 1)))
    await there.run_cached(ask("k-2"), counting(("b", 41)))
    # Only `a` is written to; nothing in the append would notice that `b` has moved on.
    answered = await here.run_cached(ask("k-3"), counting(("a", 1), ("b", 0)))
    assert answered.body == b"[2, 42]"


async def test_a_stream_that_is_presumed_new_is_read_when_it_is_not(log: InMemoryEventLog) -> None:
    await CommandRunner(log).run(ask("k-1"), counting(("a", 1)))
    job = counting(("a", 1))
    presuming = CommandJob(work=job.work, status=job.status, presumed_new=[counter("a")])
    assert (await CommandRunner(log).run_cached(ask("k-2"), presuming)).body == b"[2]"
