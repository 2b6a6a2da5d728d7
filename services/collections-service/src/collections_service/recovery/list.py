"""`GET /v1/recovery-tasks`: amounts that were disputed in vain and are to be collected after all."""

from datetime import datetime

import asyncpg
from msgspec import Struct

from redress.contracts.common import WireMoney, wire
from redress.ids import public_id
from redress.money import Money
from redress.reading.keyset import Keyset, Page
from redress.reading.tenant_reads import TenantReads


class RecoveryTask(Struct, frozen=True, kw_only=True):
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


async def recovery_tasks(
    reads: TenantReads, tenant_id: str, page: Keyset, *, customer_id: str | None, done: bool | None
) -> Page[RecoveryTask]:
    """In the order in which they were opened."""
    async with reads.of(tenant_id) as connection:
        rows = await connection.fetch(
            _TASKS, tenant_id, int(page.after[0] or 0) if page.after else 0, customer_id, done, page.rows
        )
    return page.page(rows, lambda row: [row["seq"]], _task)


_TASKS = """
SELECT t.*, i.invoice_id, i.customer_id, least(t.amount, i.open_minor - i.held_minor) AS collectable
FROM recovery_task t JOIN invoice_current i ON i.tenant_id = t.tenant_id AND i.stream_id = t.item
WHERE t.tenant_id = $1 AND t.seq > $2 AND ($3::text IS NULL OR i.customer_id = $3)
  AND ($4::boolean IS NULL OR (i.open_minor = i.held_minor) = $4)
ORDER BY t.seq LIMIT $5
"""


def _task(row: asyncpg.Record) -> RecoveryTask:
    return RecoveryTask(
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
