"""Logs of dispute-service as its commands would have left them: disputes that are opened, worked on and settled."""

import asyncio
from itertools import count
from uuid import UUID

from msgspec.structs import replace
from support.stored_disputes import EXAMPLES

from bench.filling import Life
from bench.subject import META_BYTES
from dispute_service.disputes.events import (
    DisputeEvent,
    DisputeOpened,
    ItemOutcome,
    ItemVerdict,
    OpenedItem,
)
from dispute_service.disputes.stream import DISPUTE
from redress.eventlog.events import MAX_STREAMS_PER_APPEND, NewEvent, StreamWrite
from redress.eventlog.postgres import PostgresEventLog
from redress.ids import new_uuid

TENANT = "acme"
EVENTS = 5  # of each dispute, all of them published
AT_A_TIME = 1_000  # disputes being worked on at the same time: neighbours in the log belong to different ones

OPENED: DisputeOpened = EXAMPLES["dispute-opened"]


def events_of(number: int) -> list[DisputeEvent]:
    """The life of a dispute: opened over two invoices, given to a clerk, decided, resolved, credited. No two disputes
    have the same customer, invoices and amounts."""
    first, second = 1_000 + number * 7_919 % 9_999_991, 500 + number * 104_729 % 999_983
    granted, rejected = first // 3, first - first // 3
    return [
        replace(
            OPENED,
            customer_id=f"C-{number % 5_000}",
            items=(
                OpenedItem(invoice_id=f"INV-{number}", line=None, amount=first, known=True),
                OpenedItem(invoice_id=f"INV-{number}-B", line="1", amount=second, known=True),
            ),
        ),
        replace(EXAMPLES["dispute-assigned"], owner=f"clerk-{number % 40}"),
        replace(
            EXAMPLES["dispute-decided"],
            valid=granted + second,
            invalid=rejected,
            verdicts=(ItemVerdict(0, granted, rejected), ItemVerdict(1, second, 0)),
        ),
        replace(
            EXAMPLES["dispute-resolved"],
            outcomes=(ItemOutcome(item=0, credit=granted, rejected=rejected), ItemOutcome(item=1, credit=second)),
        ),
        EXAMPLES["dispute-settled"],
    ]


def life_of(number: int) -> Life:
    """The same as it is stored."""
    return [DISPUTE.codec.encode(event) for event in events_of(number)]


async def fill_with_disputes(log: PostgresEventLog, events: int) -> None:
    """So many events by the log's own append, those of one dispute a thousand places apart."""
    left = events
    numbers = count(1)
    while left > 0:
        cohort = [(new_uuid(), life_of(next(numbers))) for _ in range(min(AT_A_TIME, left // EVENTS))]
        for version in range(EVENTS):
            writes = [next_of(stream, version, life) for stream, life in cohort]
            await asyncio.gather(
                *(
                    log.append(TENANT, writes[at : at + MAX_STREAMS_PER_APPEND])
                    for at in range(0, len(writes), MAX_STREAMS_PER_APPEND)
                )
            )
        left -= len(cohort) * EVENTS
    assert await log.wait_for(events, 60.0) == events


def next_of(stream: UUID, version: int, life: Life) -> StreamWrite:
    """The event that brings a dispute from this version to the next."""
    name, schema_version, payload = life[version]
    event = NewEvent(
        event_id=new_uuid(),
        type=name,
        schema_version=schema_version,
        payload=payload,
        meta=META_BYTES,
        effective_at=OPENED.at,
    )
    return StreamWrite(stream_id=stream, stream_type=DISPUTE.stream_type, expected=version, events=(event,))
