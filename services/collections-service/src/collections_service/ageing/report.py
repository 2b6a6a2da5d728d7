"""How old the receivables are: `GET /v1/ageing`.

Sums over movements with effective_on ≤ as_of and recorded_at ≤ known_at. Disputed and undisputed stand apart, every
currency has its own row, and buckets + unapplied = balance, always.
"""

from collections.abc import Iterable
from datetime import date, datetime
from typing import Literal

import asyncpg
from msgspec import Struct

from collections_service.ageing.buckets import AGEING_BUCKETS, AgeingBuckets
from collections_service.ageing.movements import Movements
from collections_service.open_items.list import KNOWN_TERMS, OWN_DAY
from redress.contracts.common import WireMoney, wire
from redress.eventlog.connections import Connection
from redress.legal_entities.zones import EntityDays, entity_days
from redress.money import Money
from redress.policy.book import Policies
from redress.reading.moment import Moment
from redress.reading.tenant_reads import Position, TenantReads, position

GroupBy = Literal["total", "customer", "currency", "legal_entity"]
Basis = Literal["due", "document"]


class AgeingBucket(Struct, frozen=True, kw_only=True):
    bucket: str
    open: WireMoney
    disputed: WireMoney
    undisputed: WireMoney
    open_invoices: int
    disputed_invoices: int


class AgeingRow(Struct, frozen=True, kw_only=True):
    """`unapplied` is negative: it is the customer's money. `disputes` counts distinct disputes that hold something,
    `corrected_invoices` the open ones of which this day was answered otherwise before an error from the start was
    mended: `GET /v1/invoices` names the event.

    By legal entity, `group` is empty for money of which the ERP did not say whose receipt it is.
    """

    group: str
    currency: str
    buckets: tuple[AgeingBucket, ...]
    open: WireMoney
    disputed: WireMoney
    undisputed: WireMoney
    overdue: WireMoney
    unapplied: WireMoney
    balance: WireMoney
    open_invoices: int
    disputed_invoices: int
    disputes: int
    corrected_invoices: int


class EntityDay(Struct, frozen=True, kw_only=True):
    legal_entity: str
    day: date


class Ageing(Struct, frozen=True, kw_only=True):
    """`position` says up to which event of the log the answer is complete, `policy` which buckets it has.

    Today is the day of each invoice's legal entity: `days` names the entities in whose zone it is not `as_of`. A day
    that was asked for is that day everywhere. What is unapplied has no entity and goes by `as_of`.
    """

    as_of: date
    days: tuple[EntityDay, ...]
    known_at: datetime
    basis: Basis
    group_by: GroupBy
    policy: str
    position: Position
    rows: tuple[AgeingRow, ...]


REPORT_S = 8.0  # some two seconds for a million open items; the transaction ends after ten
# An item takes some 100 bytes while its movements are added up: with the usual 4 MB, the sums go through files.
# Each question is planned by itself: a plan that fits any customer reads the books of all of them item by item.
_AS_A_REPORT = (
    "SET LOCAL work_mem = '64MB'; SET LOCAL plan_cache_mode = force_custom_plan;"
    f" SET LOCAL statement_timeout = '{REPORT_S:.0f}s'"
)

_GROUP_OF = {
    "total": "'total'",
    "customer": "customer_id",
    "currency": "currency",
    "legal_entity": "legal_entity",
}
# An invoice is of one entity for ever.
_ENTITY = (
    "(SELECT t.legal_entity FROM invoice_terms t WHERE t.tenant_id = $1 AND t.item = m.item ORDER BY t.seq LIMIT 1)"
)
_BASIS = {"due": "due_on", "document": "issued_on"}


async def ageing(
    reads: TenantReads,
    policies: Policies,
    tenant_id: str,
    moment: Moment,
    now: datetime,
    *,
    group_by: GroupBy = "total",
    basis: Basis = "due",
    customer_id: str | None = None,
    legal_entity: str | None = None,
) -> Ageing:
    """All customers and legal entities, or one. A group without anything open or unapplied has no row."""
    policy = await policies.in_force(tenant_id, AGEING_BUCKETS, moment.day(now), known_at=moment.known_at)
    async with reads.of(tenant_id) as connection:
        await connection.execute(_AS_A_REPORT)
        days = await entity_days(connection, tenant_id, moment, now)
        asked = Asked(tenant_id, days, moment.recorded_by, customer_id, legal_entity)
        buckets = await _buckets(connection, asked, policy.document, group_by=group_by, basis=basis)
        disputes = await _disputes(connection, asked, group_by)
        where = await position(connection, Movements.name)
    rows: dict[tuple[str, str], list[asyncpg.Record]] = {}
    for record in buckets:
        rows.setdefault((record["grp"], record["currency"]), []).append(record)
    return Ageing(
        as_of=days.day,
        days=tuple(EntityDay(legal_entity=code, day=day) for code, day in zip(days.codes, days.days, strict=True)),
        known_at=moment.stated(now),
        basis=basis,
        group_by=group_by,
        policy=policy.citation,
        position=where,
        rows=tuple(_row(key, policy.document, records, disputes.get(key, 0)) for key, records in sorted(rows.items())),
    )


class Asked(Struct, frozen=True):
    """What both questions are about."""

    tenant_id: str
    days: EntityDays
    recorded_by: datetime
    customer_id: str | None
    legal_entity: str | None

    @property
    def arguments(self) -> tuple[object, ...]:
        """$1 to $7: tenant, business day, recorded by, customer, legal entity, and the entities that have another
        day."""
        day, codes, days = self.days.day, self.days.codes, self.days.days
        return self.tenant_id, day, self.recorded_by, self.customer_id, self.legal_entity, codes, days

    @property
    def movements(self) -> str:
        """The movements that count, and the day of each. Where all entities have the same day, a million of them are
        not joined with nothing."""
        return _SAME_DAY if not self.days.codes else _OWN_DAYS


_MOVEMENTS = """
SELECT m.*, {day} AS day FROM movement m {days}
WHERE m.tenant_id = $1 AND m.effective_on <= {day} AND m.recorded_at <= $3
  AND ($4::text IS NULL OR m.customer_id = $4)
"""
_SAME_DAY = _MOVEMENTS.format(day="$2::date", days="CROSS JOIN (SELECT $6::text[], $7::date[]) AS nobody(code, day)")
_OWN_DAYS = _MOVEMENTS.format(
    day="coalesce(e.day, $2::date)",
    days=OWN_DAY.format(codes="$6", days="$7"),
)


async def _buckets(
    connection: Connection, asked: Asked, buckets: AgeingBuckets, *, group_by: GroupBy, basis: Basis
) -> list[asyncpg.Record]:
    return list(
        await connection.fetch(
            f"""
            WITH books AS NOT MATERIALIZED (
              {asked.movements}
            ), invoices AS (
              SELECT item, customer_id, day, total(delta) FILTER (WHERE kind = 'open') AS open,
                     coalesce(total(delta) FILTER (WHERE kind = 'disputed'), 0) AS disputed
              FROM books WHERE kind IN ('open', 'disputed') GROUP BY item, customer_id, day
            ), aged AS (
              SELECT i.customer_id, t.legal_entity, t.currency, i.day - t.{_BASIS[basis]} AS days, i.open, i.disputed,
                     0::bigint AS unapplied, t.corrected_on > i.day AS corrected
              FROM invoices i JOIN invoice_terms t
              ON t.tenant_id = $1 AND t.item = i.item AND {KNOWN_TERMS.format(recorded_by="$3", day="i.day")}
              WHERE i.open <> 0 OR (i.open = 0 AND i.disputed <> 0)
              UNION ALL
              SELECT u.customer_id, coalesce(r.doc ->> 'legal_entity', ''), u.currency, NULL, NULL, 0, u.unapplied,
                     false
              FROM (
                SELECT item, customer_id, currency, total(delta) AS unapplied
                FROM books WHERE kind = 'unapplied' GROUP BY item, customer_id, currency HAVING total(delta) <> 0
              ) u LEFT JOIN receipt_current r ON r.tenant_id = $1 AND r.stream_id = u.item
            )
            SELECT {_GROUP_OF[group_by]} AS grp, currency,
                   width_bucket(days - 1, $8::int[]) AS bucket,
                   coalesce(total(open), 0) AS open, total(disputed) AS disputed, total(unapplied) AS unapplied,
                   count(*) FILTER (WHERE open <> 0) AS open_invoices,
                   count(*) FILTER (WHERE disputed <> 0) AS disputed_invoices,
                   count(*) FILTER (WHERE corrected AND open <> 0) AS corrected_invoices
            FROM aged WHERE $5::text IS NULL OR legal_entity = $5 GROUP BY 1, 2, 3
            """,
            *asked.arguments,
            buckets.bounds,
            timeout=REPORT_S,
        )
    )


async def _disputes(connection: Connection, asked: Asked, group_by: GroupBy) -> dict[tuple[str, str], int]:
    group = _ENTITY if group_by == "legal_entity" else _GROUP_OF[group_by]
    records = await connection.fetch(
        f"""
        WITH held AS (
          SELECT {group} AS grp, currency, dispute_id FROM ({asked.movements}) m
          WHERE kind = 'disputed' AND ($5::text IS NULL OR {_ENTITY} = $5)
          GROUP BY 1, 2, 3 HAVING sum(delta) > 0
        )
        SELECT grp, currency, count(*) AS disputes FROM held GROUP BY 1, 2
        """,
        *asked.arguments,
        timeout=REPORT_S,
    )
    return {(record["grp"], record["currency"]): record["disputes"] for record in records}


def _row(
    key: tuple[str, str], buckets_of: AgeingBuckets, records: Iterable[asyncpg.Record], disputes: int
) -> AgeingRow:
    group, currency = key
    by_bucket: dict[int | None, asyncpg.Record] = {record["bucket"]: record for record in records}
    unapplied = sum(record["unapplied"] for record in by_bucket.values())
    buckets = tuple(_bucket(name, currency, by_bucket.get(n)) for n, name in enumerate(buckets_of.names))
    whole = sum(bucket.open.money().minor for bucket in buckets)
    disputed = sum(bucket.disputed.money().minor for bucket in buckets)
    return AgeingRow(
        group=group,
        currency=currency,
        buckets=buckets,
        open=wire(Money(whole, currency)),
        disputed=wire(Money(disputed, currency)),
        undisputed=wire(Money(whole - disputed, currency)),
        overdue=wire(Money(whole - buckets[0].open.money().minor, currency)),
        unapplied=wire(Money(-unapplied, currency)),
        balance=wire(Money(whole - unapplied, currency)),
        open_invoices=sum(bucket.open_invoices for bucket in buckets),
        disputed_invoices=sum(bucket.disputed_invoices for bucket in buckets),
        disputes=disputes,
        corrected_invoices=sum(record["corrected_invoices"] for record in by_bucket.values()),
    )


def _bucket(name: str, currency: str, record: asyncpg.Record | None) -> AgeingBucket:
    whole, disputed = (record["open"], record["disputed"]) if record else (0, 0)
    return AgeingBucket(
        bucket=name,
        open=wire(Money(whole, currency)),
        disputed=wire(Money(disputed, currency)),
        undisputed=wire(Money(whole - disputed, currency)),
        open_invoices=record["open_invoices"] if record else 0,
        disputed_invoices=record["disputed_invoices"] if record else 0,
    )
