"""The promises of the event log, kept by PostgreSQL and by the in-memory log alike."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from support.databases import MakeDatabase
from support.event_log import a_command, a_write, an_event, install_event_log, stream_id

from redress.eventlog.events import (
    MAX_EVENTS_PER_APPEND,
    MAX_PAYLOAD_BYTES,
    MAX_STREAMS_PER_APPEND,
    RecordedEvent,
    StoredAnswer,
)
from redress.eventlog.hashing import event_hash
from redress.eventlog.log import AppendTooLarge, EventLog, KeyReused, VersionConflict
from redress.eventlog.memory import InMemoryEventLog
from redress.eventlog.pages import pages
from redress.eventlog.postgres import PostgresEventLog


@pytest.fixture(params=["memory", "postgres"])
async def log(request: pytest.FixtureRequest, make_database: MakeDatabase) -> AsyncIterator[EventLog]:
    if request.param == "memory":
        yield InMemoryEventLog()
        return
    async with (
        make_database.lent("dispute", install_event_log) as database,
        PostgresEventLog.open(database.api) as postgres,
    ):
        yield postgres


def notes(events: list[RecordedEvent]) -> list[bytes]:
    return [event.payload for event in events]


async def test_what_was_appended_is_read_back_in_order_with_versions_from_one(log: EventLog) -> None:
    appended = await log.append("acme", [a_write("s", 0, "first", "second")])
    await log.append("acme", [a_write("s", 2, "third")])
    events = await log.read_stream("acme", stream_id("s"))
    assert appended.versions == {stream_id("s"): 2}
    assert [event.version for event in events] == [1, 2, 3]
    assert notes(events) == [b'{"note":"first"}', b'{"note":"second"}', b'{"note":"third"}']


async def test_a_part_of_a_stream_can_be_read(log: EventLog) -> None:
    await log.append("acme", [a_write("s", 0, "first", "second", "third")])
    assert notes(await log.read_stream("acme", stream_id("s"), 2, 2)) == [b'{"note":"second"}']


async def test_the_facts_of_a_stream_are_its_events_without_what_no_fold_needs(log: EventLog) -> None:
    await log.append("acme", [a_write("s", 0, "first", "second")])
    first, second = [tuple(fact) for fact in await log.read_for_fold("acme", stream_id("s"))]
    assert first == (1, "note-added", 1, b'{"note":"first"}')
    assert second == (2, "note-added", 1, b'{"note":"second"}')
    assert [tuple(fact) for fact in await log.read_for_fold("acme", stream_id("s"), 1)] == [first]


async def test_an_unknown_stream_is_empty(log: EventLog) -> None:
    assert await log.read_stream("acme", stream_id("nobody")) == []
    assert await log.read_for_fold("acme", stream_id("nobody")) == []


async def test_a_stream_of_another_tenant_looks_like_an_unknown_one(log: EventLog) -> None:
    await log.append("acme", [a_write("s", 0, "secret")])
    assert await log.read_stream("globex", stream_id("s")) == []
    assert await log.read_for_fold("globex", stream_id("s")) == []


async def test_a_stream_of_another_tenant_cannot_be_appended_to(log: EventLog) -> None:
    await log.append("acme", [a_write("s", 0, "first")])
    with pytest.raises(VersionConflict):
        await log.append("globex", [a_write("s", 1, "intruder")])
    assert len(await log.read_stream("acme", stream_id("s"))) == 1


@pytest.mark.parametrize(("expected", "actual"), [(0, 1), (2, 1), (7, 1)])
async def test_a_wrong_expected_version_is_refused_and_the_actual_one_named(
    log: EventLog, expected: int, actual: int
) -> None:
    await log.append("acme", [a_write("s", 0, "first")])
    with pytest.raises(VersionConflict) as refused:
        await log.append("acme", [a_write("s", expected, "late")])
    assert (refused.value.stream_id, refused.value.expected, refused.value.actual) == (stream_id("s"), expected, actual)


async def test_several_streams_are_appended_all_or_none(log: EventLog) -> None:
    await log.append("acme", [a_write("receipt", 0, "received"), a_write("invoice", 0, "registered")])
    with pytest.raises(VersionConflict):
        await log.append(
            "acme", [a_write("receipt", 1, "applied"), a_write("invoice", 9, "paid"), a_write("new", 0, "x")]
        )
    assert len(await log.read_stream("acme", stream_id("receipt"))) == 1
    assert len(await log.read_stream("acme", stream_id("invoice"))) == 1
    assert await log.read_stream("acme", stream_id("new")) == []


async def test_a_refused_append_leaves_its_key_free(log: EventLog) -> None:
    await log.append("acme", [a_write("s", 0, "first")])
    with pytest.raises(VersionConflict):
        await log.append("acme", [a_write("s", 0, "again")], a_command("k"))
    assert await log.answer("acme", "k") is None
    appended = await log.append("acme", [a_write("s", 1, "second")], a_command("k"))
    assert appended.replayed is None


async def test_a_repeated_command_writes_nothing_and_gets_the_first_answer_byte_for_byte(log: EventLog) -> None:
    await log.append("acme", [a_write("s", 0, "first")], a_command("k", response=b'{"version":1}'))
    again = await log.append("acme", [a_write("s", 0, "first")], a_command("k", response=b'{"version":99}'))
    assert again.replayed == StoredAnswer(b"the request", 201, b'{"version":1}')
    assert again.versions == {}
    assert len(await log.read_stream("acme", stream_id("s"))) == 1


async def test_a_key_used_for_another_request_is_refused(log: EventLog) -> None:
    await log.append("acme", [a_write("s", 0, "first")], a_command("k"))
    with pytest.raises(KeyReused):
        await log.append("acme", [a_write("t", 0, "other")], a_command("k", request=b"another request"))
    assert await log.read_stream("acme", stream_id("t")) == []


async def test_two_tenants_may_use_the_same_key(log: EventLog) -> None:
    await log.append("acme", [a_write("s", 0, "first")], a_command("k"))
    await log.append("globex", [a_write("t", 0, "first")], a_command("k", request=b"another request"))
    assert len(await log.read_stream("globex", stream_id("t"))) == 1


async def test_a_command_without_events_still_has_its_answer_stored(log: EventLog) -> None:
    await log.append("acme", [], a_command("k", response=b"already so"))
    assert await log.answer("acme", "k") == StoredAnswer(b"the request", 201, b"already so")


async def test_the_same_events_sent_again_without_a_key_count_as_written(log: EventLog) -> None:
    write = a_write("s", 0, "first", "second")
    await log.append("acme", [write])
    again = await log.append("acme", [write])
    assert again.versions == {stream_id("s"): 2}
    assert len(await log.read_stream("acme", stream_id("s"))) == 2


async def test_each_event_carries_the_hash_of_its_predecessor_and_its_own(log: EventLog) -> None:
    await log.append("acme", [a_write("s", 0, "first", "second")])
    await log.append("acme", [a_write("s", 2, "third")])
    events = await log.read_stream("acme", stream_id("s"))
    assert events[0].prev_hash == b""
    assert [event.prev_hash for event in events[1:]] == [event.hash for event in events[:-1]]
    assert [event_hash(event) for event in events] == [event.hash for event in events]


async def test_recorded_times_rise_inside_a_stream(log: EventLog) -> None:
    await log.append("acme", [a_write("s", 0, *(f"n{i}" for i in range(20)))])
    times = [event.recorded_at for event in await log.read_stream("acme", stream_id("s"))]
    assert sorted(set(times)) == times


async def test_the_log_has_every_event_once_at_1_2_3_in_stream_order(log: EventLog) -> None:
    await asyncio.gather(*(log.append("acme", [a_write(f"s{i}", 0, "first", "second")]) for i in range(50)))
    await asyncio.gather(*(log.append("acme", [a_write(f"s{i}", 2, "third")]) for i in range(50)))
    assert await log.wait_for(150, 10.0) == 150
    events = await log.read_log(0, 1000)
    assert [event.seq for event in events] == list(range(1, 151))
    for i in range(50):
        assert [event.version for event in events if event.stream_id == stream_id(f"s{i}")] == [1, 2, 3]


async def test_the_log_is_read_in_pages_and_by_tenant_and_type(log: EventLog) -> None:
    for tenant, stream in (("acme", "a"), ("globex", "b"), ("acme", "c")):
        await log.append(tenant, [a_write(stream, 0, stream)])
    await log.wait_for(3, 10.0)
    assert [event.seq for event in await log.read_log(1, 1)] == [2]
    assert [event.seq for event in await log.read_log(0, 10, tenant_id="acme")] == [1, 3]
    assert await log.read_log(0, 10, types=["something-else"]) == []


async def test_the_whole_log_comes_in_pages_without_a_gap(log: EventLog) -> None:
    for number in range(5):
        await log.append("acme", [a_write(f"s{number}", 0, "n")])
    await log.wait_for(5, 10.0)
    assert [[event.seq for event in page] async for page in pages(log, size=2)] == [[1, 2], [3, 4], [5]]
    assert [[event.seq for event in page] async for page in pages(log, 4)] == [[5]]
    assert [page async for page in pages(log, 5)] == []


async def test_waiting_for_a_position_that_does_not_come_ends_with_the_head(log: EventLog) -> None:
    await log.append("acme", [a_write("s", 0, "first")])
    await log.wait_for(1, 10.0)
    assert await log.wait_for(2, 0.05) == 1


async def test_twenty_writers_of_one_stream_one_wins_and_each_other_is_told(log: EventLog) -> None:
    outcomes = await asyncio.gather(
        *(log.append("acme", [a_write("s", 0, f"writer {i}")]) for i in range(20)), return_exceptions=True
    )
    assert sum(not isinstance(outcome, BaseException) for outcome in outcomes) == 1
    assert sum(isinstance(outcome, VersionConflict) for outcome in outcomes) == 19
    assert len(await log.read_stream("acme", stream_id("s"))) == 1


async def test_a_key_sent_twenty_times_at_once_has_one_effect(log: EventLog) -> None:
    outcomes = await asyncio.gather(
        *(log.append("acme", [a_write(f"s{i}", 0, "x")], a_command("k")) for i in range(20))
    )
    assert sum(outcome.replayed is None for outcome in outcomes) == 1
    await log.wait_for(1, 10.0)
    assert len(await log.read_log(0, 100)) == 1


async def test_one_bad_command_does_not_hurt_those_appended_with_it(log: EventLog) -> None:
    twice = an_event("the same id twice")
    outcomes = await asyncio.gather(
        log.append("acme", [a_write("s", 0, "good")]),
        log.append("acme", [a_write("t", 5, "wrong version")]),
        log.append("acme", [a_write("u", 0, twice)]),
        log.append("acme", [a_write("v", 0, "good too")]),
        return_exceptions=True,
    )
    assert [type(outcome).__name__ for outcome in outcomes] == [
        "AppendResult",
        "VersionConflict",
        "AppendResult",
        "AppendResult",
    ]


async def test_what_is_appended_beside_a_refused_command_has_its_versions_and_its_chain(log: EventLog) -> None:
    await log.append("acme", [a_write("old", 0, "first")])
    outcomes = await asyncio.gather(
        log.append("acme", [a_write("x", 0, "never"), a_write("old", 5, "wrong version"), a_write("y", 0, "never")]),
        log.append("acme", [a_write("new", 0, "a", "b", "c"), a_write("older", 0, "d")]),
        log.append("acme", [a_write("old", 1, "second", "third")], a_command("k")),
        return_exceptions=True,
    )
    assert [type(outcome).__name__ for outcome in outcomes] == ["VersionConflict", "AppendResult", "AppendResult"]
    for stream, expected in (("old", 3), ("new", 3), ("older", 1), ("x", 0), ("y", 0)):
        events = await log.read_stream("acme", stream_id(stream))
        assert [event.version for event in events] == list(range(1, expected + 1))
        assert [event.prev_hash for event in events] == [b"", *(event.hash for event in events)][:expected]
        assert [event_hash(event) for event in events] == [event.hash for event in events]
    assert await log.answer("acme", "k") is not None


async def test_a_bulk_command_is_one_append(log: EventLog) -> None:
    each = MAX_EVENTS_PER_APPEND // MAX_STREAMS_PER_APPEND
    streams = [f"s{number}" for number in range(MAX_STREAMS_PER_APPEND)]
    await log.append("acme", [a_write(stream, 0, *["opened"] * each) for stream in streams], a_command("k"))
    with pytest.raises(VersionConflict):
        await log.append("acme", [a_write(stream, 1, "late", "too late") for stream in streams])
    appended = await log.append("acme", [a_write(stream, each, *["closed"] * each) for stream in reversed(streams)])
    assert set(appended.versions.values()) == {2 * each} == {10}
    head = await log.wait_for(2 * MAX_EVENTS_PER_APPEND, 10.0)
    assert head == 2 * MAX_EVENTS_PER_APPEND
    assert [event.version for event in await log.read_stream("acme", stream_id("s7"))] == list(range(1, 11))


async def test_a_long_append_to_one_stream_counts_as_written_when_it_is_sent_again(log: EventLog) -> None:
    write = a_write("s", 0, *("n" for _ in range(MAX_EVENTS_PER_APPEND)))
    await log.append("acme", [write])
    assert (await log.append("acme", [write])).versions == {stream_id("s"): MAX_EVENTS_PER_APPEND}
    assert len(await log.read_stream("acme", stream_id("s"))) == MAX_EVENTS_PER_APPEND


async def test_what_is_too_large_is_refused_before_anything_is_written(log: EventLog) -> None:
    too_big = an_event("x" * MAX_PAYLOAD_BYTES)
    for writes in (
        [a_write("s", 0, "small", too_big)],
        [a_write("s", 0, *("n" for _ in range(MAX_EVENTS_PER_APPEND + 1)))],
        [a_write(f"s{i}", 0, "n") for i in range(MAX_STREAMS_PER_APPEND + 1)],
        [a_write("s", 0, *(an_event("x" * (MAX_PAYLOAD_BYTES - 100)) for _ in range(201)))],
    ):
        with pytest.raises(AppendTooLarge):
            await log.append("acme", writes)
    assert await log.read_stream("acme", stream_id("s")) == []


async def test_a_look_shows_the_answer_of_a_key_and_what_is_new_in_streams_at_one_moment(log: EventLog) -> None:
    await log.append("acme", [a_write("s", 0, "a", "b")], a_command("k"))
    await log.append("acme", [a_write("other", 0, "c")])
    inputs = await log.read_for_command("acme", "k", {stream_id("other"): 0, stream_id("s"): 1, stream_id("nobody"): 0})
    assert inputs.answer == StoredAnswer(b"the request", 201, b'{"ok":true}')
    assert {stream: [fact[0] for fact in facts] for stream, facts in inputs.streams.items()} == {
        stream_id("other"): [1],
        stream_id("s"): [2],
        stream_id("nobody"): [],
    }


async def test_a_look_shows_nothing_of_another_tenant(log: EventLog) -> None:
    await log.append("acme", [a_write("s", 0, "a")], a_command("k"))
    inputs = await log.read_for_command("globex", "k", {stream_id("s"): 0})
    assert (inputs.answer, dict(inputs.streams)) == (None, {stream_id("s"): []})


async def test_many_looks_at_once_each_see_their_own(log: EventLog) -> None:
    for number in range(40):
        await log.append(
            "acme", [a_write(f"s{number}", 0, *("e" for _ in range(number % 3 + 1)))], a_command(f"k{number}")
        )
    reads = await asyncio.gather(
        *(
            log.read_for_command("acme", f"k{number}" if number % 2 else None, {stream_id(f"s{number}"): 0})
            for number in range(40)
        )
    )
    for number, inputs in enumerate(reads):
        assert (inputs.answer is not None) == bool(number % 2)
        assert len(inputs.streams[stream_id(f"s{number}")]) == number % 3 + 1
