"""The hash of an event over the same bytes as es.event_hash in schema.sql: a chain verifies without the database."""

import hashlib
import struct
from datetime import UTC, datetime, timedelta

from redress.eventlog.events import RecordedEvent

_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)  # PostgreSQL's own: what it sends and stores is counted from here
_MICROSECOND = timedelta(microseconds=1)

FIRST_PREV_HASH = b""


def event_hash(event: RecordedEvent) -> bytes:
    """SHA-256 over every fact of the event and the hash before it (`event.hash` itself is not read)."""
    tenant = event.tenant_id.encode()
    stream_type = event.stream_type.encode()
    name = event.type.encode()
    return hashlib.sha256(
        b"".join(
            (
                b"\x01",
                struct.pack(">i", len(event.prev_hash)),
                event.prev_hash,
                event.stream_id.bytes,
                struct.pack(">q", event.version),
                event.event_id.bytes,
                struct.pack(">i", len(tenant)),
                tenant,
                struct.pack(">i", len(stream_type)),
                stream_type,
                struct.pack(">i", len(name)),
                name,
                struct.pack(
                    ">iqqi",
                    event.schema_version,
                    _micros(event.effective_at),
                    _micros(event.recorded_at),
                    len(event.payload),
                ),
                event.payload,
                event.meta,
            )
        )
    ).digest()


def _micros(instant: datetime) -> int:
    return (instant - _EPOCH) // _MICROSECOND
