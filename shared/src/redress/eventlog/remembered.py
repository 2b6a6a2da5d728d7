"""States of streams as they were last seen, so that a stream that is worked on again is read on from there.

Safe without telling anybody of changes: events are only ever added, so what a stream was at a version never changes.
Only a declared restore can take events back; then the log has another epoch, and everything is forgotten.
"""

from collections import OrderedDict
from typing import Any
from uuid import UUID

LIMIT = 1_000  # states; one of a dispute takes a few kB


class RememberedStates:
    """Of one process and log, bounded: what was not asked for longest is forgotten first."""

    def __init__(self, limit: int = LIMIT) -> None:
        self._limit = limit
        self._epoch = ""
        self._states: OrderedDict[tuple[str, UUID], tuple[int, Any]] = OrderedDict()

    def of(self, epoch: str, tenant_id: str, stream_id: UUID) -> tuple[int, Any] | None:
        """Version and folded state; None if nothing is known. The stream may have gone on since."""
        if epoch != self._epoch:
            return None
        found = self._states.get((tenant_id, stream_id))
        if found is not None:
            self._states.move_to_end((tenant_id, stream_id))
        return found

    def forget(self, tenant_id: str, stream_id: UUID) -> None:
        """The stream turned out to be something else."""
        self._states.pop((tenant_id, stream_id), None)

    def keep(self, epoch: str, tenant_id: str, stream_id: UUID, version: int, state: Any) -> None:  # noqa: ANN401 - of any aggregate
        """What the stream is at `version`, which must be stored."""
        if epoch != self._epoch:
            self._states.clear()
            self._epoch = epoch
        self._states[tenant_id, stream_id] = (version, state)
        self._states.move_to_end((tenant_id, stream_id))
        if len(self._states) > self._limit:
            self._states.popitem(last=False)
