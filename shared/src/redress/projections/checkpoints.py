"""The rows of `es.consumer`: how far each consumer has come on each shard.

They are locked before anything is read or applied, so two processes that believe to be the same consumer take turns,
and the second finds that its events are applied already.
"""

from collections.abc import Iterable, Mapping

import msgspec

from redress.messaging.source import Mark
from redress.projections.projection import Connection


class _Position(msgspec.Struct, omit_defaults=True):
    offset: int | None = None


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(_Position)


def consumer_name(projection: str, source: str) -> str:
    """`<projection>` for the own log, `<projection>:<source>` for what another system publishes."""
    return f"{projection}:{source}" if source else projection


async def ensure(connection: Connection, name: str, shards: Iterable[int]) -> None:
    """The rows exist; new ones stand at the beginning."""
    await connection.execute(
        "INSERT INTO es.consumer (name, shard, seq, epoch) SELECT $1, s, 0, '' FROM unnest($2::int[]) AS s"
        " ON CONFLICT DO NOTHING",
        name,
        list(shards),
    )


async def read(connection: Connection, name: str) -> dict[int, Mark]:
    rows = await connection.fetch(
        "SELECT shard, seq, epoch, position::text AS position FROM es.consumer WHERE name = $1", name
    )
    return {row["shard"]: _mark(row["seq"], row["epoch"], row["position"]) for row in rows}


async def lock(connection: Connection, name: str, shards: Iterable[int]) -> dict[int, Mark]:
    """The marks, locked until the end of the transaction. Always in the order of the shards, so nobody deadlocks."""
    rows = await connection.fetch(
        "SELECT shard, seq, epoch, position::text AS position FROM es.consumer"
        " WHERE name = $1 AND shard = ANY($2::int[]) ORDER BY shard FOR UPDATE",
        name,
        list(shards),
    )
    return {row["shard"]: _mark(row["seq"], row["epoch"], row["position"]) for row in rows}


async def move(connection: Connection, name: str, marks: Mapping[int, Mark]) -> None:
    """Set the marks of locked rows."""
    if not marks:
        return
    await connection.execute(
        "UPDATE es.consumer AS c SET seq = m.seq, epoch = m.epoch, position = m.position::jsonb,"
        " moved_at = clock_timestamp()"
        " FROM unnest($2::int[], $3::bigint[], $4::text[], $5::text[]) AS m (shard, seq, epoch, position)"
        " WHERE c.name = $1 AND c.shard = m.shard",
        name,
        list(marks),
        [mark.seq for mark in marks.values()],
        [mark.epoch for mark in marks.values()],
        [None if mark.offset is None else _encoder.encode(_Position(mark.offset)).decode() for mark in marks.values()],
    )


def _mark(seq: int, epoch: str, position: str | None) -> Mark:
    return Mark(seq, epoch, None if position is None else _decoder.decode(position).offset)
