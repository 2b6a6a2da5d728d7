"""A walk that broke a promise, cut down to the operations that it takes."""

from collections.abc import Callable, Sequence

from walk.operations import Operation
from walk.promises import Broken, Promise
from walk.walk import Walk


def broken_by(operations: Sequence[Operation]) -> Broken | None:
    """The promise that is broken first when these are done one after the other."""
    walk = Walk()
    for operation in operations:
        try:
            walk.do(operation)
        except Broken as broken:
            return broken
    return None


def shrunk(operations: Sequence[Operation], promise: Promise, runs: int = 600) -> list[Operation]:
    """A shorter sequence that breaks the same promise, found with so many runs at most."""
    left = runs

    def still_breaks(candidate: Sequence[Operation]) -> bool:
        nonlocal left
        left -= 1
        broken = _quietly(candidate)
        return broken is not None and broken.promise is promise

    return _without_what_is_not_needed(list(operations), still_breaks, lambda: left > 0)


def _without_what_is_not_needed(
    operations: list[Operation], still_breaks: Callable[[Sequence[Operation]], bool], may_go_on: Callable[[], bool]
) -> list[Operation]:
    """Leaves out ever smaller parts, from the end on, for what comes last matters most."""
    size = len(operations) // 2
    while size and may_go_on():
        place = len(operations)
        while place > 0 and may_go_on():
            first = max(0, place - size)
            candidate = operations[:first] + operations[place:]
            if still_breaks(candidate):
                operations = candidate
            place = first
        size //= 2
    return operations


def _quietly(candidate: Sequence[Operation]) -> Broken | None:
    """A cut sequence may fail in other ways, too: an operation about something that never came to be."""
    try:
        return broken_by(candidate)
    except (AssertionError, KeyError):
        return None
