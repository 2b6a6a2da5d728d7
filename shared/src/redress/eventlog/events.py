"""The values that enter and leave the log, before any service gives them a business meaning."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

import msgspec
from msgspec import Struct

MAX_PAYLOAD_BYTES = 262_144  # below Kafka's default message limit, so a stored event can always be published
MAX_EVENTS_PER_APPEND = 5_500  # a payment of 1,000 invoices: up to 5 events on each, of holds, discount and remainder
MAX_STREAMS_PER_APPEND = 1_100
MAX_BYTES_PER_APPEND = 52_428_800  # of payloads: what one statement may carry


class Actor(Struct, frozen=True):
    """Who caused an event. `kind` is person, service or system; `id` is the token's subject or the part's name."""

    kind: str
    id: str
    roles: tuple[str, ...] = ()


class Meta(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """Why and how an event came about; stored beside the payload and covered by the hash.

    `command_id` names the command that wrote it. `correlation_id` is shared by everything one outside cause set
    off; `causation_id` is the event or command directly before this one. `traceparent` is W3C trace context.
    `policy` lists `name@version` of every policy the decision used; None or empty where none was.
    """

    actor: Actor
    command_id: str
    correlation_id: str
    causation_id: str | None = None
    traceparent: str | None = None
    policy: tuple[str, ...] = ()


class NewEvent(Struct, frozen=True, kw_only=True):
    """An event to be appended. `type` is the stored name, `payload` the encoded bytes that will be hashed.

    `effective_at` is when it counts in the books; the log itself says when it was recorded.
    """

    event_id: UUID
    type: str
    schema_version: int
    payload: bytes
    meta: bytes
    effective_at: datetime


class RecordedEvent(Struct, frozen=True):
    """A stored event. The fields stand in the order in which the database returns them.

    `version` counts from 1 without holes inside its stream.
    `seq` is its place in the service's log, 1, 2, 3 … without holes; None when it was read by stream, where the place
    does not matter and may not be given yet. `recorded_at` never falls inside a stream.
    """

    tenant_id: str
    stream_id: UUID
    stream_type: str
    version: int
    event_id: UUID
    type: str
    schema_version: int
    payload: bytes
    meta: bytes
    effective_at: datetime
    recorded_at: datetime
    prev_hash: bytes
    hash: bytes
    seq: int | None = None


StoredEvent = tuple[int, str, int, bytes]
"""The part of a stored event that a fold needs: version, stored type, schema version, payload."""


class StreamWrite(Struct, frozen=True, kw_only=True):
    """Events for one stream. `expected` is the version it must have now; 0 means it must not exist yet.

    `current` is the service's current-state document after these events (JSON), written in the same transaction so
    that a caller reads its own write; None leaves the current-state table alone.
    """

    stream_id: UUID
    stream_type: str
    expected: int
    events: tuple[NewEvent, ...]
    current: bytes | None = None


class CommandRecord(Struct, frozen=True, kw_only=True):
    """The idempotency record stored with the append: the answer that every repetition of `key` gets back.

    `fingerprint` identifies the request; the same key with another fingerprint is refused.
    """

    key: str
    fingerprint: bytes
    status: int
    response: bytes


class StoredAnswer(Struct, frozen=True):
    """The answer that a command with this key got, byte for byte."""

    fingerprint: bytes
    status: int
    response: bytes


class CommandInputs(Struct, frozen=True):
    """The streams and the stored answer that a command is decided on. `answer` is None for a new key."""

    answer: StoredAnswer | None
    streams: Mapping[UUID, Sequence[StoredEvent]]


class AppendResult(Struct, frozen=True):
    """An append that is durable. `replayed` is the stored answer when the key had been used before: then nothing
    new was written and `versions` is empty."""

    versions: dict[UUID, int]
    replayed: StoredAnswer | None = None


_meta_decoder = msgspec.json.Decoder(Meta)
_meta_encoder = msgspec.json.Encoder(order="deterministic")


def encode_meta(meta: Meta) -> bytes:
    return _meta_encoder.encode(meta)


def decode_meta(raw: bytes) -> Meta:
    return _meta_decoder.decode(raw)
