"""The rows of `es.consumer`: how far each consumer has come on each shard of each log that it follows.

They are locked before anything is read or applied, so two processes that believe to be the same consumer take turns,
and the second finds that its events are applied already.
"""

from collections.abc import Iterable, Mapping

import msgspec
from msgspec import Struct

from redress.eventlog.connections import Connection
from redress.messaging.source import MAIN_LOG, Mark


class ConsumerKey(Struct, frozen=True):
    """The owner of a mark: a consumer, the service it follows and which of that service's logs.

    `service` None is the log of the database that the mark stands in, under any name: `es.log_head` says so,
    and a process that was started under another name cannot make a second mark.
    """

    name: str
    service: str | None = None
    log: str = MAIN_LOG

    @property
    def label(self) -> str:
        """As metrics, parked events and groups name it."""
        return consumer_name(self.name, self.service, self.log)


def consumer_name(projection: str, service: str | None, log: str = MAIN_LOG) -> str:
    """`<projection>` for the own log, `<projection>:<service>` for what another one publishes, with `/<log>` behind it
    if it is not its main log."""
    if service is None:
        return projection
    return f"{projection}:{service}" if log == MAIN_LOG else f"{projection}:{service}/{log}"


class _Position(Struct, omit_defaults=True):
    offset: int | None = None


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(_Position)

_FOLLOWED = "coalesce($2, h.service), CASE WHEN $2 IS NULL THEN h.log ELSE $3 END"
LABEL = (
    "c.name || CASE WHEN (c.service, c.log) = (h.service, h.log) THEN '' ELSE ':' || c.service ||"
    f" CASE WHEN c.log = '{MAIN_LOG}' THEN '' ELSE '/' || c.log END END"
)
"""`ConsumerKey.label` of the rows `c` of es.consumer in a database whose log is `h`, the row of es.log_head."""
_OF_CONSUMER = f"c.name = $1 AND (c.service, c.log) = ({_FOLLOWED})"


async def ensure(connection: Connection, key: ConsumerKey, shards: Iterable[int]) -> None:
    """The rows exist; new ones stand at the beginning."""
    await connection.execute(
        f"INSERT INTO es.consumer (name, service, log, shard, seq, epoch) SELECT $1, {_FOLLOWED}, s, 0, ''"
        " FROM es.log_head h, unnest($4::int[]) AS s ON CONFLICT DO NOTHING",
        *msgspec.structs.astuple(key),
        list(shards),
    )


async def read(connection: Connection, key: ConsumerKey) -> dict[int, Mark]:
    rows = await connection.fetch(
        "SELECT c.shard, c.seq, c.epoch, c.position::text AS position FROM es.consumer c, es.log_head h"
        f" WHERE {_OF_CONSUMER}",
        *msgspec.structs.astuple(key),
    )
    return {row["shard"]: _mark(row["seq"], row["epoch"], row["position"]) for row in rows}


async def lock(connection: Connection, key: ConsumerKey, shards: Iterable[int]) -> dict[int, Mark]:
    """The marks, locked until the end of the transaction. Always in the order of the shards, so no deadlock arises."""
    rows = await connection.fetch(
        "SELECT c.shard, c.seq, c.epoch, c.position::text AS position FROM es.consumer c, es.log_head h"
        f" WHERE {_OF_CONSUMER} AND c.shard = ANY($4::int[]) ORDER BY c.shard FOR UPDATE OF c",
        *msgspec.structs.astuple(key),
        list(shards),
    )
    return {row["shard"]: _mark(row["seq"], row["epoch"], row["position"]) for row in rows}


async def move(connection: Connection, key: ConsumerKey, marks: Mapping[int, Mark]) -> None:
    """Set the marks of locked rows."""
    if not marks:
        return
    await connection.execute(
        "UPDATE es.consumer AS c SET seq = m.seq, epoch = m.epoch, position = m.position::jsonb,"
        " moved_at = es.now() FROM es.log_head h,"
        " unnest($4::int[], $5::bigint[], $6::text[], $7::text[]) AS m (shard, seq, epoch, position)"
        f" WHERE {_OF_CONSUMER} AND c.shard = m.shard",
        *msgspec.structs.astuple(key),
        list(marks),
        [mark.seq for mark in marks.values()],
        [mark.epoch for mark in marks.values()],
        [None if mark.offset is None else _encoder.encode(_Position(mark.offset)).decode() for mark in marks.values()],
    )


async def forget(connection: Connection, key: ConsumerKey) -> None:
    """The marks are gone: who comes under this key begins at the beginning."""
    await connection.execute(
        f"DELETE FROM es.consumer c USING es.log_head h WHERE {_OF_CONSUMER}",
        *msgspec.structs.astuple(key),
    )


def _mark(seq: int, epoch: str, position: str | None) -> Mark:
    return Mark(seq, epoch, None if position is None else _decoder.decode(position).offset)
