"""Many writes as several appends of one transaction."""

from collections.abc import Iterable

from redress.eventlog.events import (
    MAX_BYTES_PER_APPEND,
    MAX_EVENTS_PER_APPEND,
    MAX_STREAMS_PER_APPEND,
    StreamWrite,
)


def portions(
    writes: Iterable[StreamWrite], *, streams: int = MAX_STREAMS_PER_APPEND, events: int = MAX_EVENTS_PER_APPEND
) -> list[list[StreamWrite]]:
    """The writes in as few portions as the bounds of one append allow, to be appended in this order.

    It is the order in which es.append locks streams: existing ones by id, then new ones by id. A transaction that keeps
    to it over all its appends can wait for another one that does, but the two never wait for each other.
    A write that is too large by itself is a portion of its own, which the log refuses.
    """
    found: list[list[StreamWrite]] = []
    has_events = has_bytes = 0
    for write in sorted(writes, key=lambda write: (write.expected == 0, write.stream_id)):
        size = sum(len(event.payload) for event in write.events)
        if (
            not found
            or len(found[-1]) == streams
            or has_events + len(write.events) > events
            or has_bytes + size > MAX_BYTES_PER_APPEND
        ):
            found.append([])
            has_events = has_bytes = 0
        found[-1].append(write)
        has_events += len(write.events)
        has_bytes += size
    return found
