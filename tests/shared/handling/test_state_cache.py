"""What a process remembers of streams: bounded, of one history, and never another tenant's."""

from support.event_log import stream_id

from redress.handling.state_cache import StateCache

A, B, C = stream_id("a"), stream_id("b"), stream_id("c")


def test_a_stream_is_remembered_as_it_was_last_seen() -> None:
    cache = StateCache()
    cache.put("e", "acme", A, 1, "opened")
    cache.put("e", "acme", A, 3, "closed")
    assert cache.get("e", "acme", A) == (3, "closed")
    assert cache.get("e", "acme", B) is None
    assert cache.get("e", "globex", A) is None


def test_what_was_not_asked_for_longest_is_forgotten_first() -> None:
    cache = StateCache(limit=2)
    cache.put("e", "acme", A, 1, "a")
    cache.put("e", "acme", B, 1, "b")
    cache.get("e", "acme", A)
    cache.put("e", "acme", C, 1, "c")
    assert [cache.get("e", "acme", each) for each in (A, B, C)] == [(1, "a"), None, (1, "c")]


def test_after_a_declared_restore_nothing_of_the_old_history_is_remembered() -> None:
    cache = StateCache()
    cache.put("before", "acme", A, 5, "five")
    assert cache.get("after", "acme", A) is None
    cache.put("after", "acme", B, 1, "one")
    assert cache.get("after", "acme", A) is None
    assert cache.get("after", "acme", B) == (1, "one")


def test_a_stream_that_turned_out_to_be_something_else_is_read_from_its_beginning() -> None:
    cache = StateCache()
    cache.put("e", "acme", A, 5, "five")
    cache.drop("acme", A)
    assert cache.get("e", "acme", A) is None
