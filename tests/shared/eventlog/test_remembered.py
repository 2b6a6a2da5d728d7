"""What a process remembers of streams: bounded, of one history, and never another tenant's."""

from support.event_log import stream_id

from redress.eventlog.remembered import RememberedStates

A, B, C = stream_id("a"), stream_id("b"), stream_id("c")


def test_a_stream_is_remembered_as_it_was_last_seen() -> None:
    remembered = RememberedStates()
    remembered.keep("e", "acme", A, 1, "opened")
    remembered.keep("e", "acme", A, 3, "closed")
    assert remembered.of("e", "acme", A) == (3, "closed")
    assert remembered.of("e", "acme", B) is None
    assert remembered.of("e", "globex", A) is None


def test_what_was_not_asked_for_longest_is_forgotten_first() -> None:
    remembered = RememberedStates(limit=2)
    remembered.keep("e", "acme", A, 1, "a")
    remembered.keep("e", "acme", B, 1, "b")
    remembered.of("e", "acme", A)
    remembered.keep("e", "acme", C, 1, "c")
    assert [remembered.of("e", "acme", each) for each in (A, B, C)] == [(1, "a"), None, (1, "c")]


def test_after_a_declared_restore_nothing_of_the_old_history_is_remembered() -> None:
    remembered = RememberedStates()
    remembered.keep("before", "acme", A, 5, "five")
    assert remembered.of("after", "acme", A) is None
    remembered.keep("after", "acme", B, 1, "one")
    assert remembered.of("after", "acme", A) is None
    assert remembered.of("after", "acme", B) == (1, "one")


def test_a_stream_that_turned_out_to_be_something_else_is_read_from_its_beginning() -> None:
    remembered = RememberedStates()
    remembered.keep("e", "acme", A, 5, "five")
    remembered.forget("acme", A)
    assert remembered.of("e", "acme", A) is None
