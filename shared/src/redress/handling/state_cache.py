"""States of streams as they were last seen, so that a later read fetches only newer events.

Safe without invalidation: events are only ever added, so a stream's state at a version never changes. Only a declared
restore can take events back; the log then has another epoch, and the cache starts empty.
"""

from collections import OrderedDict
from typing import Any
from uuid import UUID

LIMIT = 1_000  # states; one takes a few kB


class StateCache:
    """Of one process and log, bounded: the state that was not used for longest goes first."""

    def __init__(self, limit: int = LIMIT) -> None:
        self._limit = limit
        self._epoch = ""
        self._states: OrderedDict[tuple[str, UUID], tuple[int, Any]] = OrderedDict()

    def get(self, epoch: str, tenant_id: str, stream_id: UUID) -> tuple[int, Any] | None:
        """Version and folded state; None if nothing is known. The stream may have gone on since."""
        if epoch != self._epoch:
            return None
        found = self._states.get((tenant_id, stream_id))
        if found is not None:
            self._states.move_to_end((tenant_id, stream_id))
        return found

    def put(self, epoch: str, tenant_id: str, stream_id: UUID, version: int, state: Any) -> None:  # noqa: ANN401 - of any aggregate
        """The state of the stream at `version`, which must be stored."""
        if epoch != self._epoch:
            self._states.clear()
            self._epoch = epoch
        self._states[tenant_id, stream_id] = (version, state)
        self._states.move_to_end((tenant_id, stream_id))
        if len(self._states) > self._limit:
            self._states.popitem(last=False)

    def drop(self, tenant_id: str, stream_id: UUID) -> None:
        """The stream turned out to be something else."""
        self._states.pop((tenant_id, stream_id), None)
