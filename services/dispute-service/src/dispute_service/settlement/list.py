"""`GET /v1/settlement-tasks`: what disputes were resolved to and the ERP has not posted in time."""

from datetime import datetime
from typing import Final
from uuid import UUID

import asyncpg
import msgspec
from msgspec import Struct

from dispute_service.disputes.document import DisputeDocument, SettlementTaskDocument, document
from dispute_service.disputes.read import dispute_at
from dispute_service.disputes.state import TaskState, task_actions
from redress.contracts.common import WireMoney, wire_in
from redress.eventlog.log import EventLog
from redress.reading.keyset import Keyset, Page
from redress.reading.moment import Moment
from redress.reading.tenant_reads import TenantReads


class AwaitedItem(Struct, frozen=True, kw_only=True):
    """What the ERP is still to post of one item. `legal_entity` is whose invoice it is; null where nobody has said it:
    the first with its number."""

    invoice_id: str
    legal_entity: str | None
    line: str | None
    credit: WireMoney
    write_off: WireMoney
    payment: WireMoney


class SettlementTask(Struct, frozen=True, kw_only=True):
    """The task about one dispute since `due_at`. `state` is open, taken (by `owner`), done (a person said what came of
    it, and the posting is awaited until `awaited_until`) or closed (nothing is awaited any more); `why` is the reason
    of the last handing over, the result, or why it was closed. `awaiting` is what is held until then."""

    dispute_id: str
    customer_id: str
    legal_entity: str | None
    resolution_code: str | None
    awaiting: WireMoney
    items: tuple[AwaitedItem, ...]
    state: TaskState
    due_at: datetime
    awaited_until: datetime | None
    policy: str | None
    owner: str | None
    why: str | None
    allowed_actions: tuple[str, ...]


class TaskFilter(Struct, frozen=True, kw_only=True):
    """None is no filter."""

    state: TaskState | None = None
    owner: str | None = None
    customer_id: str | None = None
    legal_entity: str | None = None

    def fits(self, task: SettlementTask) -> bool:
        return (
            self.state in {None, task.state}
            and self.owner in {None, task.owner}
            and self.customer_id in {None, task.customer_id}
            and self.legal_entity in {None, task.legal_entity}
        )


async def settlement_tasks(
    reads: TenantReads, tenant_id: str, page: Keyset, wanted: TaskFilter, known_at: datetime | None
) -> Page[SettlementTask]:
    """The longest overdue first; now, or as known at an instant."""
    after = page.after or (None, None)
    async with reads.of(tenant_id) as connection:
        rows = await connection.fetch(
            _TASKS.format(versions=_CURRENT if known_at is None else _KNOWN),
            tenant_id,
            _instant(after[0]),
            None if after[1] is None else UUID(str(after[1])),
            wanted.state,
            wanted.owner,
            wanted.customer_id,
            wanted.legal_entity,
            page.rows,
            *(() if known_at is None else (known_at,)),
        )
    return page.page(rows, _place, lambda row: _of_document(_decoder.decode(row["doc"])))


async def settlement_tasks_on(  # noqa: PLR0917
    reads: TenantReads, log: EventLog, tenant_id: str, page: Keyset, wanted: TaskFilter, moment: Moment
) -> Page[SettlementTask]:
    """As they were on a business day: each dispute that ever had a task is read as it was then. A page may have fewer
    tasks than were asked for, or none, and still have a next one."""
    after = page.after or (None,)
    async with reads.of(tenant_id) as connection:
        rows = await connection.fetch(
            _EVER, tenant_id, None if after[0] is None else UUID(str(after[0])), wanted.customer_id, page.rows
        )
    asked = page.page(rows, lambda row: [str(row["stream_id"])], lambda row: row["stream_id"])
    found = [await _on(log, tenant_id, stream, moment) for stream in asked.items]
    return Page([task for task in found if task is not None and wanted.fits(task)], asked.next_cursor)


async def _on(log: EventLog, tenant_id: str, stream: UUID, moment: Moment) -> SettlementTask | None:
    then = await dispute_at(log, tenant_id, stream, moment)
    return None if then is None else task_of(document(stream, then.version, then.state))


def task_of(dispute: DisputeDocument) -> SettlementTask | None:
    """None for a dispute that never had one."""
    if dispute.settlement is None or dispute.settlement.task is None:
        return None
    return _task(dispute, dispute.settlement.task)


def _task(dispute: DisputeDocument, task: SettlementTaskDocument) -> SettlementTask:
    settlement, nothing = dispute.settlement, wire_in(dispute.currency)(0)
    return SettlementTask(
        dispute_id=dispute.dispute_id,
        customer_id=dispute.customer_id,
        legal_entity=dispute.legal_entity,
        resolution_code=dispute.resolution_code,
        awaiting=settlement.awaiting if settlement else nothing,
        items=tuple(
            AwaitedItem(
                invoice_id=item.invoice_id,
                legal_entity=item.legal_entity,
                line=item.line,
                credit=item.awaiting_credit,
                write_off=item.awaiting_write_off or nothing,
                payment=item.awaiting_payment or nothing,
            )
            for item in dispute.items
        ),
        state=task.state,
        due_at=task.due_at,
        awaited_until=settlement.due_at if settlement else None,
        policy=settlement.policy if settlement else None,
        owner=task.owner,
        why=task.why,
        allowed_actions=task_actions(task.state, task.owner),
    )


_decoder: Final = msgspec.json.Decoder(DisputeDocument)


def _of_document(dispute: DisputeDocument) -> SettlementTask:
    task = task_of(dispute)
    if task is None:
        raise AssertionError(f"{dispute.dispute_id} is listed and has no task")
    return task


def _place(row: asyncpg.Record) -> list[str]:
    return [row["settlement_task_due_at"].isoformat(), str(row["stream_id"])]


def _instant(value: object) -> datetime | None:
    return None if value is None else datetime.fromisoformat(str(value))


_CURRENT: Final = "read.dispute_current WHERE true"
_KNOWN: Final = "read.dispute_history WHERE known_from <= $9 AND (known_until IS NULL OR known_until > $9)"
_TASKS: Final = """
SELECT stream_id, settlement_task_due_at, (doc -> 'dispute')::text AS doc FROM {versions}
  AND tenant_id = $1 AND settlement_task IS NOT NULL
  AND ($2::timestamptz IS NULL OR (settlement_task_due_at, stream_id) > ($2, $3::uuid))
  AND ($4::text IS NULL OR settlement_task = $4) AND ($5::text IS NULL OR settlement_task_owner = $5)
  AND ($6::text IS NULL OR customer_id = $6) AND ($7::text IS NULL OR legal_entity = $7)
ORDER BY settlement_task_due_at, stream_id LIMIT $8
"""
_EVER: Final = """
SELECT stream_id FROM read.dispute_current
WHERE tenant_id = $1 AND settlement_task IS NOT NULL AND ($2::uuid IS NULL OR stream_id > $2)
  AND ($3::text IS NULL OR customer_id = $3)
ORDER BY stream_id LIMIT $4
"""
