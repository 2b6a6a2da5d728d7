"""Many writes become several appends, in the order in which the log locks streams."""

from uuid import UUID

from support.event_log import a_write, an_event

from redress.eventlog.events import MAX_EVENTS_PER_APPEND, MAX_PAYLOAD_BYTES, StreamWrite
from redress.eventlog.portions import portions


def stream(number: int) -> UUID:
    return UUID(int=number)


def numbers(found: list[list[StreamWrite]]) -> list[list[int]]:
    return [[write.stream_id.int for write in portion] for portion in found]


def test_existing_streams_come_first_by_id_and_then_new_ones_by_id() -> None:
    writes = [a_write(stream(number), number % 2, "n") for number in (4, 1, 3, 2, 5)]
    assert numbers(portions(writes)) == [[1, 3, 5, 2, 4]]


def test_a_portion_ends_where_a_bound_is_reached() -> None:
    writes = [a_write(stream(number), 1, "a", "b") for number in (1, 2, 3, 4, 5)]
    assert numbers(portions(writes, streams=2)) == [[1, 2], [3, 4], [5]]
    assert numbers(portions(writes, events=7)) == [[1, 2, 3], [4, 5]]


def test_a_portion_ends_where_it_would_carry_too_many_bytes() -> None:
    large = [an_event("x" * (MAX_PAYLOAD_BYTES - 100)) for _ in range(150)]
    assert numbers(portions([a_write(stream(1), 1, *large), a_write(stream(2), 1, *large)])) == [[1], [2]]


def test_nothing_is_no_portion() -> None:
    assert portions([]) == []


def test_what_is_too_large_by_itself_stands_alone_for_the_log_to_refuse() -> None:
    large = a_write(stream(2), 1, *("n" for _ in range(MAX_EVENTS_PER_APPEND + 1)))
    assert numbers(portions([a_write(stream(1), 1, "n"), large, a_write(stream(3), 1, "n")])) == [[1], [2], [3]]
