"""What is recorded counts at once, is written together, and has the same ids however often it is tried."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from msgspec import Struct
from support.counters import COUNTER, NOW, CounterRaised, counter

from redress.codec import Codec
from redress.decider import Decider
from redress.eventlog.events import Actor, Meta, decode_meta
from redress.handling.unit_of_work import Cause, Streams, UnitOfWork


class At:
    """Streams that are all at one version."""

    def __init__(self, version: int) -> None:
        self.version = version
        self.questions = 0

    async def read(self, streams: Streams) -> Mapping[UUID, tuple[int, Any]]:
        self.questions += 1
        return dict.fromkeys(streams, (self.version, self.version))


def cause(command_id: str) -> Cause:
    return Cause(Meta(actor=Actor("person", "anna"), command_id=command_id, correlation_id="r"), NOW)


async def ids_at(version: int) -> list[UUID]:
    uow = UnitOfWork("acme", At(version), cause("c-1"))
    await uow.state(COUNTER, counter("a"))
    uow.record(COUNTER, counter("a"), [CounterRaised(1)])
    uow.record(COUNTER, counter("a"), [CounterRaised(2)])
    (write,) = uow.writes()
    return [event.event_id for event in write.events]


async def test_a_repeated_command_makes_the_same_ids_on_a_stream_that_has_moved_on() -> None:
    at_three, at_five = await ids_at(3), await ids_at(5)
    assert at_three == at_five
    assert len(set(at_three)) == 2


async def test_two_commands_on_one_stream_never_share_an_id() -> None:
    uow = UnitOfWork("acme", At(0), cause("c-1"))
    await uow.state(COUNTER, counter("a"))
    uow.record(COUNTER, counter("a"), [CounterRaised(1)])
    uow.cause = cause("c-2")
    uow.record(COUNTER, counter("a"), [CounterRaised(1)])
    (write,) = uow.writes()
    assert len({event.event_id for event in write.events}) == 2
    assert [decode_meta(event.meta).command_id for event in write.events] == ["c-1", "c-2"]


async def test_what_is_recorded_counts_at_once_and_is_written_with_the_version_that_was_read() -> None:
    uow = UnitOfWork("acme", At(3), cause("c-1"))
    await uow.state(COUNTER, counter("a"))
    assert uow.record(COUNTER, counter("a"), [CounterRaised(4)]) == 7
    assert await uow.state(COUNTER, counter("a")) == 7
    assert uow.version(counter("a")) == 4
    (write,) = uow.writes()
    assert (write.expected, write.current) == (3, b'{"version":4,"total":7}')


async def test_streams_are_read_once_and_together() -> None:
    reader = At(0)
    uow = UnitOfWork("acme", reader, cause("c-1"))
    await uow.load(COUNTER, [counter("a"), counter("b")])
    await uow.load_all({counter("a"): COUNTER, counter("b"): COUNTER})
    await uow.state(COUNTER, counter("b"))
    assert reader.questions == 1


async def test_a_stream_that_is_only_looked_at_is_not_written_to() -> None:
    uow = UnitOfWork("acme", At(2), cause("c-1"))
    await uow.load(COUNTER, [counter("a"), counter("b")])
    uow.record(COUNTER, counter("a"), [CounterRaised(1)])
    uow.record(COUNTER, counter("b"), [])
    assert [write.stream_id for write in uow.writes()] == [counter("a")]
    assert uow.document(counter("b")) is None
    assert uow.rests_on_others


class Dated(Struct, frozen=True):
    at: datetime


async def test_an_event_counts_when_it_says_so_itself_else_when_its_command_says() -> None:
    dated: Decider[int, Dated] = Decider(
        stream_type="dated", initial=0, evolve=lambda s, _: s, codec=Codec({"dated": (1, Dated)}), dated=True
    )
    earlier = datetime(2026, 10, 1, tzinfo=UTC)
    uow = UnitOfWork("acme", At(0), cause("c-1"))
    await uow.load_all({counter("a"): COUNTER, counter("b"): dated})
    uow.record(COUNTER, counter("a"), [CounterRaised(1)])
    uow.record(dated, counter("b"), [Dated(earlier)])
    assert [write.events[0].effective_at for write in uow.writes()] == [NOW, earlier]


async def test_the_policies_a_decision_used_stand_beside_its_events() -> None:
    uow = UnitOfWork("acme", At(0), cause("c-1"))
    await uow.load(COUNTER, [counter("a")])
    uow.record(COUNTER, counter("a"), [CounterRaised(1)], policy=["tolerance@2"])
    uow.record(COUNTER, counter("a"), [CounterRaised(1)])
    (write,) = uow.writes()
    assert [decode_meta(event.meta).policy for event in write.events] == [("tolerance@2",), ()]
