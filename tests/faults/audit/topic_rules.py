"""I6: what Kafka has is what was published, in order, complete. And what was published, kept for the other rules."""

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition
from msgspec import Struct

from collections_service.service import SERVICE as COLLECTIONS
from dispute_service.service import SERVICE as DISPUTES
from faults.audit.report import Finding
from faults.audit.world import World
from notification_service.service import SERVICE as NOTIFICATIONS
from redress.contracts import collections_events, dispute_events, notification_events
from redress.service.feature import Service

TOPICS = {
    "dispute": dispute_events.TOPIC,
    "collections": collections_events.TOPIC,
    "notification": notification_events.TOPIC,
}
SERVICES: dict[str, Service[Any]] = {"dispute": DISPUTES, "collections": COLLECTIONS, "notification": NOTIFICATIONS}
SHARDS = 12
_READ_S = 20.0

# Stored events of which it depends on what they say, or which are nobody else's business. All other events of streams
# that a service publishes are published: a new one is looked for without a word here.
NOT_ALWAYS_PUBLISHED = {
    "dispute": {
        "note-added", "invoice-became-known", "payment-reversed", "credit-reversed", "write-off-reversed",
        "claim-denied", "answer-reversed",
    },
    "collections": {
        "remainder-left", "remainder-tolerated", "dispute-reported", "past-hold-recorded", "credit-awaited",
        "payment-received", "credit-memo-posted", "receipt-reversed", "credit-memo-cancelled", "receipt-applied",
        "receipt-unapplied", "payer-identified", "number-shared",
    },
    "notification": {"sending-started", "sending-continued", "handover-started", "sending-postponed"},
}  # fmt: skip


def always_published(service: str) -> list[str]:
    """The stored names of the service's events that are published whatever they say."""
    streams = [stream for feature in SERVICES[service].features for stream in feature.publishes]
    return sorted({name for stream in streams for name in stream.decider.codec.names} - NOT_ALWAYS_PUBLISHED[service])


class Message(Struct, frozen=True):
    """The first copy of a published event."""

    seq: int
    id: str
    type: str
    subject: UUID
    tenant: str
    version: int
    time: datetime
    data: dict[str, Any]


class Topics:
    """Per service, every published event once, in log order."""

    def __init__(self) -> None:
        self.messages: dict[str, list[Message]] = {service: [] for service in TOPICS}
        self.copies = 0
        self.there = False


class _Partition:
    def __init__(self) -> None:
        self.last = 0
        self.ids: dict[int, tuple[str, int]] = {}


async def read_topics(world: World) -> tuple[Topics, list[Finding]]:
    topics = Topics()
    if world.address.bootstrap_servers is None:
        return topics, []
    topics.there = True
    return topics, [await _read(world, topics, service) for service in world.databases]


async def _read(world: World, topics: Topics, service: str) -> Finding:
    finding = Finding(
        "I6", service, "the topic has every published event, each first copy in order and linked to the one before"
    )
    partitions = [_Partition() for _ in range(SHARDS)]
    messages = topics.messages[service]
    consumer = AIOKafkaConsumer(
        bootstrap_servers=world.address.bootstrap_servers, enable_auto_commit=False, auto_offset_reset="earliest"
    )
    await consumer.start()
    try:
        places = [TopicPartition(TOPICS[service], number) for number in range(SHARDS)]
        consumer.assign(places)
        ends = await consumer.end_offsets(places)
        await consumer.seek_to_beginning(*places)
        while any([await consumer.position(place) < ends[place] for place in places]):
            for place, records in (await consumer.getmany(timeout_ms=int(_READ_S * 1000), max_records=5_000)).items():
                for record in records:
                    finding.look()
                    message = _check(finding, partitions, place.partition, record)
                    if message is not None:
                        messages.append(message)
                    else:
                        topics.copies += 1
    finally:
        await consumer.stop()
    messages.sort(key=lambda message: message.seq)
    await _complete(world, service, finding, partitions, messages)
    return finding


def _check(finding: Finding, partitions: list[_Partition], number: int, record: Any) -> Message | None:  # noqa: ANN401 - aiokafka has no types
    """The message if it is the first copy of its event."""
    headers = {name: value.decode() for name, value in record.headers}
    seq, prev, subject = int(headers["ce_seq"]), int(headers["ce_prev"]), UUID(headers["ce_subject"])
    where: dict[str, Any] = {"stream": subject, "seq": seq}
    partition = partitions[number]
    if (subject.int ^ subject.int >> 64) % SHARDS != number:
        finding.violated(f"the event lies on partition {number}, which is not its stream's", **where)
    if seq <= partition.last:
        copy = (headers["ce_id"], hash(record.value))
        if partition.ids.get(seq) != copy:
            finding.violated("a repetition is not the same event", **where)
        return None
    if prev != partition.last:
        finding.violated(f"it follows {prev}, but the last one on partition {number} was {partition.last}", **where)
    partition.last = seq
    partition.ids[seq] = (headers["ce_id"], hash(record.value))
    return Message(
        seq=seq,
        id=headers["ce_id"],
        type=headers["ce_type"],
        subject=subject,
        tenant=headers["ce_tenant"],
        version=int(headers["ce_version"]),
        time=datetime.fromisoformat(headers["ce_time"]),
        data=msgspec.json.decode(record.value),
    )


async def _complete(
    world: World, service: str, finding: Finding, partitions: list[_Partition], messages: list[Message]
) -> None:
    row = await world.rows(service, "SELECT seq, position::text AS p FROM es.consumer WHERE name = 'relay'")
    if not row:
        finding.violated("the relay has no checkpoint")
        return
    reached, position = row[0]["seq"], row[0]["p"]
    said = msgspec.json.decode(position)["last"] if position else [0] * SHARDS
    for number, partition in enumerate(partitions):
        if partition.last != said[number]:
            finding.violated(f"partition {number} ends at {partition.last}, the relay says {said[number]}")
    there = {message.seq for message in messages}
    for seq, stream, version, kind in await world.rows(
        service,
        "SELECT l.seq, e.stream_id, e.version, e.type FROM es.log l JOIN es.event e ON e.id = l.id"
        " WHERE e.type = ANY($1::text[]) AND l.seq <= $2 ORDER BY l.seq",
        always_published(service),
        reached,
    ):
        # An invoice that only disputes have spoken of so far is not published: nobody else knows it.
        if seq not in there:
            finding.violated(f"{kind} is stored and not published", stream=stream, version=version, seq=seq)


def newest(messages: list[Message]) -> dict[UUID, Message]:
    """The last message of each stream."""
    return {message.subject: message for message in messages}
