"""`GET /v1/recollection-tasks`: what was disputed in vain and is to be collected again."""

from collections.abc import Sequence
from datetime import datetime

import asyncpg
from msgspec import Struct

from collections_service.queries.reading import reading
from redress.contracts.common import WireMoney, wire
from redress.ids import public_id
from redress.money import Money


class RecollectionTask(Struct, frozen=True, kw_only=True):
    """`collectable` is what of the amount is still open and held by nobody; the task is done when that is nothing."""

    task_id: str
    seq: int
    invoice_id: str
    customer_id: str
    dispute_id: str
    amount: WireMoney
    collectable: WireMoney
    done: bool
    opened_at: datetime


async def recollection_tasks(
    pool: asyncpg.Pool, tenant_id: str, *, customer_id: str | None, done: bool | None, after: int, limit: int
) -> Sequence[RecollectionTask]:
    """In the order in which they were opened, those after `after`."""
    async with reading(pool, tenant_id) as connection:
        rows = await connection.fetch(
            "SELECT t.*, i.invoice_id, i.customer_id, least(t.amount, i.open_minor - i.held_minor) AS collectable"
            " FROM recollection_task t JOIN invoice_current i ON i.tenant_id = t.tenant_id AND i.stream_id = t.item"
            " WHERE t.tenant_id = $1 AND t.seq > $2 AND ($3::text IS NULL OR i.customer_id = $3)"
            " AND ($4::boolean IS NULL OR (i.open_minor = i.held_minor) = $4) ORDER BY t.seq LIMIT $5",
            tenant_id,
            after,
            customer_id,
            done,
            limit,
        )
    return [
        RecollectionTask(
            task_id=public_id("tsk", row["task_id"]),
            seq=row["seq"],
            invoice_id=row["invoice_id"],
            customer_id=row["customer_id"],
            dispute_id=row["dispute_id"],
            amount=wire(Money(row["amount"], row["currency"])),
            collectable=wire(Money(row["collectable"], row["currency"])),
            done=row["collectable"] == 0,
            opened_at=row["opened_at"],
        )
        for row in rows
    ]
