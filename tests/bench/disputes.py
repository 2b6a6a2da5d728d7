"""Logs of dispute-service as its commands would have left them: disputes that are opened, worked on and settled."""

import asyncio
from uuid import UUID

from support.stored_disputes import EXAMPLES

from bench.subject import META_BYTES
from dispute_service.event_log.codec import DISPUTE_CODEC
from dispute_service.event_log.streams import DISPUTE
from redress.eventlog.events import MAX_STREAMS_PER_APPEND, NewEvent, StreamWrite
from redress.eventlog.postgres import PostgresEventLog
from redress.ids import new_uuid

TENANT = "acme"
LIFE = ("dispute-opened", "dispute-assigned", "dispute-decided", "dispute-resolved", "dispute-settled")
AT_A_TIME = 1_000  # disputes being worked on at the same time: neighbours in the log belong to different ones

ENCODED = {name: DISPUTE_CODEC.encode(EXAMPLES[name]) for name in LIFE}


async def fill_with_disputes(log: PostgresEventLog, events: int) -> None:
    """So many events, all of them published, those of one dispute a thousand places apart."""
    left = events
    while left > 0:
        streams = [new_uuid() for _ in range(min(AT_A_TIME, left // len(LIFE)))]
        for version in range(len(LIFE)):
            await asyncio.gather(
                *(
                    log.append(
                        TENANT, [next_of(stream, version) for stream in streams[at : at + MAX_STREAMS_PER_APPEND]]
                    )
                    for at in range(0, len(streams), MAX_STREAMS_PER_APPEND)
                )
            )
        left -= len(streams) * len(LIFE)
    assert await log.wait_for(events, 60.0) == events


def next_of(stream: UUID, version: int) -> StreamWrite:
    """The event that brings a dispute from this version to the next."""
    name, schema_version, payload = ENCODED[LIFE[version]]
    event = NewEvent(
        event_id=new_uuid(),
        type=name,
        schema_version=schema_version,
        payload=payload,
        meta=META_BYTES,
        effective_at=EXAMPLES[LIFE[version]].at,
    )
    return StreamWrite(stream_id=stream, stream_type=DISPUTE.stream_type, expected=version, events=(event,))
