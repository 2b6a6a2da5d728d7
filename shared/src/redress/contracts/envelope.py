"""The envelope of every published event: CloudEvents 1.0 with the extensions that let a consumer prove order.

`seq` is the event's place in the publishing service's log and `epoch` names that log; `prev` is the seq published just
before it on the same partition (Kafka) or in the same answer (feed), so that a consumer knows it missed nothing.
"""

from datetime import datetime
from uuid import UUID

from msgspec import Raw, Struct

FEED_MEDIA_TYPE = "application/cloudevents-batch+json"
PARTITIONS = 12  # fixed for life: the order inside a stream depends on it


class PublishedEvent(Struct, frozen=True, kw_only=True):
    """One published event.

    `id` is `evt_…`; `source` is `/redress/<service>/<log>`, whose log `seq` counts in; `subject` is the stream's UUID
    (hyphenated) and the Kafka key; `time` is when it was recorded, `effective_at` when it counts in the books;
    `version` is the stream's version after it. `data` is the JSON of the type's contract in this package.
    """

    id: str
    source: str
    type: str
    subject: UUID
    tenant: str
    time: datetime
    effective_at: datetime
    seq: int
    epoch: str
    version: int
    dataschema: str
    correlation_id: str
    data: Raw
    prev: int | None = None
    causation_id: str | None = None
    traceparent: str | None = None
    actor: str | None = None


def partition_of(subject: UUID) -> int:
    """The partition (and checkpoint shard) of a stream. The same on every transport, so that one can take over."""
    return (subject.int ^ subject.int >> 64) % PARTITIONS
