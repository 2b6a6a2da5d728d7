"""The record of operations done by hand: who, when, what, why, and the result. It cannot be changed."""

import contextlib
import getpass
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Final
from uuid import UUID

import asyncpg
import msgspec
from msgspec import Struct

from redress.eventlog.outage import OUTAGE
from redress.ids import new_uuid

BEGUN: Final = "begun"
MAX_REASON: Final = 500
_MAX_OUTCOME = 500


class OperationOrder(Struct, frozen=True, kw_only=True):
    """An operation as it was ordered. `arguments` and `reason` are kept for ever: no personal data in them."""

    operator: str
    command: str
    arguments: Mapping[str, str]
    reason: str


class Operation(Struct, frozen=True, kw_only=True):
    """An operation and its latest outcome, `begun` if it was cut off or is still running."""

    id: UUID
    at: datetime
    order: OperationOrder
    outcome: str


class OperationReport:
    """The result that an operation reports once it is done."""

    def __init__(self) -> None:
        self.outcome = "done"


@asynccontextmanager
async def recorded(connection: asyncpg.Connection, order: OperationOrder) -> AsyncIterator[OperationReport]:
    """Write the order down before the block, and its outcome after it; a failure too, which goes on.

    `connection` is the owner's, outside a transaction.
    """
    operation, recording = new_uuid(), OperationReport()
    await _enter(connection, operation, order, BEGUN)
    try:
        yield recording
    except BaseException as failure:
        with contextlib.suppress(*OUTAGE):  # then the first entry says that something was begun
            await _enter(connection, operation, order, f"failed: {str(failure) or type(failure).__name__}")
        raise
    await _enter(connection, operation, order, recording.outcome)


async def latest(connection: asyncpg.Connection, limit: int, command: str | None = None) -> list[Operation]:
    """The last `limit` operations, the newest first; of one command if it is given."""
    rows = await connection.fetch(
        "SELECT e.operation, b.at, e.operator, e.command, e.arguments::text AS arguments, e.reason, e.outcome"
        " FROM (SELECT DISTINCT ON (operation) * FROM es.operation ORDER BY operation, entry DESC) e"
        " JOIN (SELECT operation, min(at) AS at FROM es.operation GROUP BY operation) b USING (operation)"
        " WHERE $2::text IS NULL OR e.command = $2 ORDER BY b.at DESC LIMIT $1",
        limit,
        command,
    )
    return [
        Operation(
            id=row["operation"],
            at=row["at"],
            order=OperationOrder(
                operator=row["operator"],
                command=row["command"],
                arguments=msgspec.json.decode(row["arguments"], type=dict[str, str]),
                reason=row["reason"],
            ),
            outcome=row["outcome"],
        )
        for row in rows
    ]


def os_user() -> str:
    """The default operator."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user without a name
        return f"uid {os.getuid()}"


async def _enter(connection: asyncpg.Connection, operation: UUID, order: OperationOrder, outcome: str) -> None:
    await connection.execute(
        "INSERT INTO es.operation (operation, operator, command, arguments, reason, outcome)"
        " VALUES ($1, $2, $3, $4::text::json, $5, $6)",
        operation,
        order.operator,
        order.command,
        msgspec.json.encode(order.arguments).decode(),
        order.reason,
        outcome[:_MAX_OUTCOME],
    )
