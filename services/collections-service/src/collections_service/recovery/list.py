"""`GET /v1/recovery-tasks`: amounts that were disputed in vain and are to be collected after all."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

import asyncpg
from msgspec import Struct

from collections_service.open_items.recovery_tasks import allowed_actions
from collections_service.open_items.refusals import NoSuchTask
from collections_service.open_items.state import RecoveryTask as Task
from redress.contracts.common import WireMoney, wire
from redress.ids import public_id
from redress.legal_entities.zones import entity_days
from redress.money import Money
from redress.reading.keyset import Keyset, Page
from redress.reading.moment import Moment
from redress.reading.tenant_reads import TenantReads

PREFIX = "tsk"


class RecoveryTask(Struct, frozen=True, kw_only=True):
    """`state` is open, taken (by `owner`), done or closed (its dispute goes on); `why` is the reason of the last
    handing over, the result, or why it was closed.

    `collectable` is what of the amount is still open, held by nobody and not the matter of a later task; a task is
    `done` when that is nothing, too.
    """

    task_id: str
    seq: int
    invoice_id: str
    legal_entity: str
    customer_id: str
    dispute_id: str
    amount: WireMoney
    collectable: WireMoney
    done: bool
    opened_at: datetime
    state: str
    owner: str | None
    why: str | None
    allowed_actions: tuple[str, ...]


class TaskFilter(Struct, frozen=True, kw_only=True):
    """None is no filter."""

    customer_id: str | None = None
    legal_entity: str | None = None
    owner: str | None = None
    state: str | None = None
    done: bool | None = None


class TaskPlace(Struct, frozen=True, kw_only=True):
    """Where a task stands in the log: the invoice's stream, the dispute, and the task's number. `today` is the day of
    the invoice's legal entity."""

    item: UUID
    dispute_id: str
    number: int
    today: date
    row: asyncpg.Record


async def recovery_tasks(
    reads: TenantReads, tenant_id: str, page: Keyset, wanted: TaskFilter, now: datetime
) -> Page[RecoveryTask]:
    """In the order in which they were opened. What is post-dated is collectable until its day."""
    async with reads.of(tenant_id) as connection:
        days = await entity_days(connection, tenant_id, Moment(), now)
        rows = await connection.fetch(
            _TASKS,
            tenant_id,
            int(page.after[0] or 0) if page.after else 0,
            wanted.customer_id,
            wanted.done,
            page.rows,
            wanted.owner,
            wanted.state,
            wanted.legal_entity,
            days.day,
            days.codes,
            days.days,
        )
    return page.page(rows, lambda row: [row["seq"]], _task)


async def place_of(reads: TenantReads, tenant_id: str, task_id: UUID, now: datetime) -> TaskPlace:
    """NoSuchTask where the company has none with this id."""
    async with reads.of(tenant_id) as connection:
        row = await connection.fetchrow(_TASK, tenant_id, task_id)
        days = await entity_days(connection, tenant_id, Moment(), now)
    if row is None:
        raise NoSuchTask
    return TaskPlace(
        item=row["item"],
        dispute_id=row["dispute_id"],
        number=row["number"],
        today=days.of(row["legal_entity"]),
        row=row,
    )


def task_after(place: TaskPlace, task: Task, free: int) -> RecoveryTask:
    """The task as a command left it; `free` is what is open on the invoice and held by nobody."""
    row: dict[str, Any] = {
        **place.row,
        "state": task.state,
        "owner": task.owner,
        "why": task.why,
        "amount": task.minor,
        "collectable": max(0, min(task.minor, free - place.row["later"])) if task.state != "closed" else 0,
    }
    return _task(row)


# What is free on an invoice belongs to its last tasks first: payments settle the oldest ones.
_TASKS = """
WITH tasks AS (
  SELECT t.*, i.invoice_id, i.legal_entity, i.customer_id,
         CASE WHEN t.state = 'closed' THEN 0
              ELSE greatest(0, least(t.amount, i.open_minor - i.held_minor - coalesce((
                SELECT sum(CASE m.kind WHEN 'open' THEN m.delta ELSE -m.delta END) FROM movement m
                WHERE m.tenant_id = t.tenant_id AND m.item = t.item AND m.kind IN ('open', 'disputed')
                  AND m.effective_on > coalesce(e.day, $9::date)), 0) - coalesce((
                SELECT sum(l.amount) FROM recovery_task l
                WHERE l.tenant_id = t.tenant_id AND l.item = t.item AND l.seq > t.seq AND l.state <> 'closed'), 0)))
         END::bigint AS collectable
  FROM recovery_task t JOIN invoice_current i ON i.tenant_id = t.tenant_id AND i.stream_id = t.item
  LEFT JOIN unnest($10::text[], $11::date[]) AS e(code, day) ON e.code = i.legal_entity
  WHERE t.tenant_id = $1 AND t.seq > $2 AND ($3::text IS NULL OR i.customer_id = $3)
    AND ($6::text IS NULL OR t.owner = $6) AND ($7::text IS NULL OR t.state = $7)
    AND ($8::text IS NULL OR i.legal_entity = $8)
)
SELECT * FROM tasks WHERE $4::boolean IS NULL OR (state IN ('done', 'closed') OR collectable = 0) = $4
ORDER BY seq LIMIT $5
"""
_TASK = """
SELECT t.*, i.invoice_id, i.legal_entity, i.customer_id,
       coalesce((SELECT sum(l.amount) FROM recovery_task l
                 WHERE l.tenant_id = t.tenant_id AND l.item = t.item AND l.seq > t.seq AND l.state <> 'closed'
       ), 0)::bigint AS later
FROM recovery_task t
JOIN invoice_current i ON i.tenant_id = t.tenant_id AND i.stream_id = t.item
WHERE t.tenant_id = $1 AND t.task_id = $2
"""


def _task(row: Any) -> RecoveryTask:  # noqa: ANN401 - a row, or one that a command changed
    task = Task(
        dispute_id=row["dispute_id"], number=row["number"], minor=row["amount"], state=row["state"], owner=row["owner"]
    )
    return RecoveryTask(
        task_id=public_id(PREFIX, row["task_id"]),
        seq=row["seq"],
        invoice_id=row["invoice_id"],
        legal_entity=row["legal_entity"],
        customer_id=row["customer_id"],
        dispute_id=row["dispute_id"],
        amount=wire(Money(row["amount"], row["currency"])),
        collectable=wire(Money(row["collectable"], row["currency"])),
        done=row["collectable"] == 0 or row["state"] in {"done", "closed"},
        opened_at=row["opened_at"],
        state=row["state"],
        owner=row["owner"],
        why=row["why"],
        allowed_actions=allowed_actions(task),
    )
