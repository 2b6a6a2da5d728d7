"""After a database was restored: the log gets another epoch, and each of its followers has to accept that epoch.

Events after the restored position are gone, and their positions will be given again. The epoch keeps the two apart:
whoever followed the lost events stops, until somebody has compared the positions and accepts the new epoch.
"""

from msgspec import Struct

from redress.eventlog.connections import Connection
from redress.ids import new_uuid
from redress.projections.checkpoints import LABEL


class RestoreRefused(Exception):
    """This would mix events from before and after a restore; the message says what to do. Nothing was changed."""


class RestoreDeclaration(Struct, frozen=True):
    """The log's new epoch and its head, which its followers are compared with; `consumers` of the log itself go on."""

    epoch: str
    head: int
    consumers: tuple[str, ...]


async def declare(connection: Connection) -> RestoreDeclaration:
    """Give the log a new epoch and take its own consumers and relay into it. In the owner's transaction.

    RestoreRefused while the service runs, or if a checkpoint is ahead of the log it was restored with.
    """
    if busy := await connection.fetch(_SESSIONS):
        roles = ", ".join(row["usename"] for row in busy)
        raise RestoreRefused(f"still connected: {roles}; stop the service's API and worker first")
    head = await connection.fetchval("SELECT seq FROM es.log_head FOR UPDATE")
    own = await connection.fetch(
        f"SELECT c.name, c.seq FROM es.consumer c, es.log_head h WHERE {_OWN} ORDER BY c.name, c.shard FOR UPDATE OF c"
    )
    for row in own:
        if row["seq"] > head:
            raise RestoreRefused(
                f"{row['name']} stands at {row['seq']} and the log ends at {head}: they are not of one backup"
            )
    epoch = str(new_uuid())
    await connection.execute("UPDATE es.log_head SET epoch = $1", epoch)
    await connection.execute(
        f"UPDATE es.consumer c SET epoch = $1 FROM es.log_head h WHERE {_OWN} AND c.epoch <> ''", epoch
    )
    return RestoreDeclaration(epoch, head, tuple(row["name"] for row in own))


async def accept(connection: Connection, consumer: str, *, epoch: str, head: int) -> int:
    """Let a consumer of another service's events go on in that service's new epoch. Its furthest position.

    `epoch` and `head` are what `declare` gave there. RestoreRefused if the consumer has applied events that are lost.
    The broker's positions are forgotten: the topic was made anew.
    """
    rows = await connection.fetch(
        f"SELECT c.seq FROM es.consumer c, es.log_head h WHERE {LABEL} = $1 ORDER BY c.shard FOR UPDATE OF c", consumer
    )
    if not rows:
        raise RestoreRefused(f"{consumer} is no consumer of this service")
    furthest = max(row["seq"] for row in rows)
    if furthest > head:
        raise RestoreRefused(
            f"{consumer} has applied events up to {furthest}, and the restored log ended at {head}:"
            " restore this database to the same moment"
        )
    await connection.execute(
        "UPDATE es.consumer c SET epoch = CASE c.epoch WHEN '' THEN '' ELSE $2 END, position = NULL"
        f" FROM es.log_head h WHERE {LABEL} = $1",
        consumer,
        epoch,
    )
    return int(furthest)


_OWN = "(c.service, c.log) = (h.service, h.log)"
_SESSIONS = """
SELECT DISTINCT a.usename FROM pg_stat_activity a JOIN pg_roles r ON r.oid = a.usesysid
  WHERE a.datname = current_database() AND NOT r.rolsuper AND a.usename <> session_user
    AND (pg_has_role(r.oid, 'redress_app', 'member') OR pg_has_role(r.oid, 'redress_worker', 'member'))
  ORDER BY a.usename
"""
