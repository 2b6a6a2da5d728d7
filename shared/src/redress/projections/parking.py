"""The rows of `es.parked`: events a consumer could not apply, and what waits behind them in the same stream.

A row without `parked_at` only counts tries. The count is committed before the try, so that an event which kills the
process is counted too.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TypeVar
from uuid import UUID

from msgspec import Struct

from redress.eventlog.connections import Connection
from redress.messaging.source import SourceItem
from redress.projections.checkpoints import LABEL

E = TypeVar("E")

_MAX_ERROR = 2_000  # enough for a message and the place; the full trace is in the log


async def parked_streams(connection: Connection, consumer: str, streams: Iterable[UUID]) -> set[UUID]:
    """Those of `streams` that have parked events."""
    rows = await connection.fetch(
        "SELECT DISTINCT stream_id FROM es.parked"
        " WHERE consumer = $1 AND parked_at IS NOT NULL AND stream_id = ANY($2::uuid[])",
        consumer,
        list(streams),
    )
    return {row["stream_id"] for row in rows}


async def count_attempt(connection: Connection, consumer: str, item: SourceItem[E]) -> tuple[int, str] | None:
    """How many tries there were including the one about to be made, and the last error; None if its stream is parked.

    One statement in a transaction of its own: it must be durable before the try.
    """
    row = await connection.fetchrow(
        "INSERT INTO es.parked AS p (consumer, seq, shard, stream_id, tenant_id, attempts, first_at)"
        " SELECT $1, $2, $3, $4, $5, 1, es.now() WHERE NOT EXISTS"
        " (SELECT FROM es.parked WHERE consumer = $1 AND stream_id = $4 AND parked_at IS NOT NULL)"
        " ON CONFLICT (consumer, seq) DO UPDATE SET attempts = p.attempts + 1 RETURNING attempts, error",
        consumer,
        item.seq,
        item.shard,
        item.stream,
        item.tenant,
    )
    return None if row is None else (row["attempts"], row["error"])


async def forget_attempts(connection: Connection, consumer: str, seqs: Sequence[int]) -> None:
    await connection.execute(
        "DELETE FROM es.parked WHERE consumer = $1 AND seq = ANY($2::bigint[]) AND parked_at IS NULL",
        consumer,
        list(seqs),
    )


async def record_error(connection: Connection, consumer: str, seq: int, error: str) -> None:
    await connection.execute(
        "UPDATE es.parked SET error = $3 WHERE consumer = $1 AND seq = $2", consumer, seq, error[:_MAX_ERROR]
    )


async def park(connection: Connection, consumer: str, items: Sequence[SourceItem[E]], error: str) -> None:
    """Put the items aside. An error that was recorded for an item is kept."""
    await connection.execute(
        "INSERT INTO es.parked AS p (consumer, seq, shard, stream_id, tenant_id, attempts, error, first_at, parked_at)"
        " SELECT $1, i.seq, i.shard, i.stream_id, i.tenant_id, 0, $6, es.now(), es.now()"
        " FROM unnest($2::bigint[], $3::int[], $4::uuid[], $5::text[]) AS i (seq, shard, stream_id, tenant_id)"
        " ON CONFLICT (consumer, seq) DO UPDATE"
        " SET parked_at = es.now(), error = coalesce(nullif(p.error, ''), $6)",
        consumer,
        [item.seq for item in items],
        [item.shard for item in items],
        [item.stream for item in items],
        [item.tenant for item in items],
        error[:_MAX_ERROR],
    )


async def how_many(connection: Connection, consumer: str) -> int:
    return int(
        await connection.fetchval(
            "SELECT count(*) FROM es.parked WHERE consumer = $1 AND parked_at IS NOT NULL", consumer
        )
    )


async def streams(connection: Connection, consumer: str) -> list[UUID]:
    """Streams with parked events, the one that waits longest first."""
    rows = await connection.fetch(
        "SELECT stream_id FROM es.parked WHERE consumer = $1 AND parked_at IS NOT NULL"
        " GROUP BY stream_id ORDER BY min(seq)",
        consumer,
    )
    return [row["stream_id"] for row in rows]


async def first_of(connection: Connection, consumer: str, stream: UUID) -> tuple[int, int] | None:
    """Shard and seq of the stream's oldest parked event, None if nothing of it is parked."""
    row = await connection.fetchrow(
        "SELECT shard, seq FROM es.parked WHERE consumer = $1 AND stream_id = $2 AND parked_at IS NOT NULL"
        " ORDER BY seq LIMIT 1",
        consumer,
        stream,
    )
    return None if row is None else (row["shard"], row["seq"])


async def release(connection: Connection, consumer: str, seq: int) -> None:
    await connection.execute("DELETE FROM es.parked WHERE consumer = $1 AND seq = $2", consumer, seq)


async def failed_again(connection: Connection, consumer: str, seq: int, error: str) -> None:
    await connection.execute(
        "UPDATE es.parked SET attempts = attempts + 1, error = $3 WHERE consumer = $1 AND seq = $2",
        consumer,
        seq,
        error[:_MAX_ERROR],
    )


class ParkedEvent(Struct, frozen=True, kw_only=True):
    """A parked event: where it stands, whose it is, how often it was tried, and the last error."""

    consumer: str
    seq: int
    shard: int
    stream: UUID
    tenant: str
    attempts: int
    error: str
    parked_at: datetime


class NotTheOldest(Exception):
    """Events of one stream are taken in order, so only its oldest parked event can be given up."""


def checkpoint_of(consumer: str) -> str:
    """The label of the checkpoint: in a topic of another system each partition parks under a name of its own."""
    label, _, partition = consumer.rpartition("/")
    return label if partition.isdigit() else consumer


async def listed(connection: Connection, consumer: str | None = None) -> list[ParkedEvent]:
    """Everything that is parked, in the order in which it would be applied; of one consumer if it is given."""
    rows = await connection.fetch(
        f"SELECT {_COLUMNS} FROM es.parked WHERE parked_at IS NOT NULL AND ($1::text IS NULL OR consumer = $1)"
        " ORDER BY consumer, seq",
        consumer,
    )
    return [ParkedEvent(**row) for row in rows]


async def discard(connection: Connection, consumer: str, seq: int) -> ParkedEvent | None:
    """Give up a parked event: this consumer will never apply it. None if it is not parked.

    What waits behind it stays parked, to be released. In a transaction. NotTheOldest.
    """
    rows = await connection.fetch(
        f"SELECT {_COLUMNS} FROM es.parked WHERE consumer = $1 AND seq = $2 AND parked_at IS NOT NULL",
        consumer,
        seq,
    )
    if not rows:
        return None
    parked = ParkedEvent(**rows[0])
    # Other transactions that apply or park events of this consumer wait meanwhile.
    await connection.execute(
        f"SELECT FROM es.consumer c, es.log_head h WHERE {LABEL} = $1 AND c.shard = $2 FOR UPDATE OF c",
        checkpoint_of(consumer),
        parked.shard,
    )
    oldest = await first_of(connection, consumer, parked.stream)
    if oldest is None:
        return None
    if oldest != (parked.shard, seq):
        raise NotTheOldest(f"{seq} waits behind {oldest[1]} of the same stream: release or discard that first")
    await release(connection, consumer, seq)
    return parked


_COLUMNS = "consumer, seq, shard, stream_id AS stream, tenant_id AS tenant, attempts, error, parked_at"
