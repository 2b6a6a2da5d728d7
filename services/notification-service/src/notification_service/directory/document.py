"""The document of a directory entry, written with each append."""

from uuid import UUID

import msgspec

from notification_service.directory.state import DirectoryEntry


def document(_stream_id: UUID, _version: int, state: DirectoryEntry) -> bytes | None:
    """The last recorded event; None for an entry that was never recorded."""
    return None if state.recorded is None else msgspec.json.encode(state.recorded)
