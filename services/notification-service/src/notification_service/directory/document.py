"""The present state of an entry as one JSON document, for the read model that is written with the events."""

from uuid import UUID

import msgspec

from notification_service.directory.state import DirectoryEntry


def document(_stream_id: UUID, _version: int, state: DirectoryEntry) -> bytes:
    """The last recorded event."""
    return msgspec.json.encode(state.recorded)
