"""Bounds that a bug would break and a healthy process keeps, on histories written by hand."""

from collections.abc import Callable, Iterator

import pytest

from faults.audit.bounds_rules import bounded
from faults.history import AnyLine, Measurement


class MemoryHistory:
    """A history of one process of ten minutes, measured every two seconds; `megabytes` gives its memory at a second."""

    def __init__(self, megabytes: Callable[[float], float]) -> None:
        self._megabytes = megabytes

    def history(self) -> Iterator[AnyLine]:
        for step in range(300):
            rss = int(self._megabytes(2.0 * step) * 1e6)
            yield Measurement(at=2.0 * step, process="dispute-worker", pid=7, rss_bytes=rss, open_files=30)


def wrong(megabytes: Callable[[float], float]) -> int:
    return sum(finding.wrong for finding in bounded(MemoryHistory(megabytes)))


def test_memory_that_fills_its_caches_and_then_goes_up_and_down_is_flat() -> None:
    assert wrong(lambda second: 120 + min(second, 120.0) / 2 + 6 * (second % 20 < 10)) == 0


@pytest.mark.parametrize("bytes_per_event", [100, 500])
def test_a_leak_of_hundreds_of_bytes_per_event_is_named(bytes_per_event: int) -> None:
    """At a thousand events in a second."""
    assert wrong(lambda second: 120 + second * 1_000 * bytes_per_event / 1e6) == 1


def test_more_than_half_a_gigabyte_is_named() -> None:
    assert wrong(lambda _second: 513 * 1024 * 1024 / 1e6) == 1
