"""Lists of disputes and the ageing report over HTTP, as what they are made of grows.

The read models are filled by SQL, with rows as the services write them; no log stands behind them.
"""

import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from urllib.parse import urlencode

import asyncpg
import msgspec
from support.issuer import Issuer
from support.stored_disputes import EXAMPLES

from bench.append import OURS
from bench.databases import Stand, settle
from bench.load import Connection, connected, raw_request
from bench.measure import Comparison, Figure, Rounds, percentile
from bench.processes import kilobytes
from bench.services import CURSOR_KEY, api, collections_tables, dispute_tables
from collections_service.ageing.movements import Movements
from dispute_service.disputes.document import stored_document
from dispute_service.disputes.list import DisputeFilter
from dispute_service.disputes.state import Dispute
from dispute_service.disputes.stream import DISPUTE
from redress.ids import new_uuid
from redress.web.pages import Cursors, filters_hash

TENANT = "acme"
SMALL = 10_000
FILLED = "the read model was filled by SQL, in the shape the service writes"
DAY = "2026-03-31"
INSTANT = "2026-03-31T18:00:00Z"
LIST_REQUESTS = 100  # of each kind, on each size, in a round

Requests = dict[str, bytes]


@dataclass(frozen=True)
class _Served:
    """A service on a read model of so many rows, and what is asked of it."""

    size: int
    process: int
    connection: Connection
    requests: Requests


async def dispute_lists(stand: Stand, rounds: Rounds, largest: int) -> list[Comparison]:
    """Milliseconds of a page of 50, on the smallest and on the largest list; the deep page begins in the middle."""
    async with AsyncExitStack() as stack:
        issuer = await stack.enter_async_context(Issuer().serving())
        served = [await stack.enter_async_context(_disputes(stand, issuer, size)) for size in _sizes(largest)]
        await settle(stand.cluster.superuser_dsn)
        return [
            await _by_size(name, served, rounds, requests=LIST_REQUESTS, of="disputes") for name in served[0].requests
        ]


async def ageing(stand: Stand, rounds: Rounds, largest: int) -> list[Comparison]:
    """Milliseconds of a report over all open items, and the most memory the service ever had."""
    async with AsyncExitStack() as stack:
        issuer = await stack.enter_async_context(Issuer().serving())
        served = [await stack.enter_async_context(_open_items(stand, issuer, size)) for size in _sizes(largest)]
        await settle(stand.cluster.superuser_dsn)
        before = {one.size: _peak_mb(one.process) for one in served}
        done = [await _by_size(name, served, rounds, requests=1, of="open items") for name in served[0].requests]
        memory = {
            f"{one.size:,} open items": Figure(OURS, "MB", grown, [grown], None, [])
            for one in served
            for grown in (_peak_mb(one.process) - before[one.size],)
        }
        return [*done, Comparison("peak memory of the API above what it began with, ageing", None, memory, True)]


def _sizes(largest: int) -> tuple[int, ...]:
    return (SMALL, largest) if largest > SMALL else (largest,)


async def _by_size(name: str, served: list[_Served], rounds: Rounds, *, requests: int, of: str) -> Comparison:
    """One kind of request on each size, in turn."""
    medians: dict[int, list[float]] = {one.size: [] for one in served}
    for number in range(rounds.warm_up + rounds.count):
        for one in served:
            taken = [await _milliseconds(one, name) for _ in range(requests)]
            if number >= rounds.warm_up:
                medians[one.size].append(percentile(taken, 0.5))
    smallest = medians[served[0].size]
    figures = {}
    for size, values in medians.items():
        ratios = [value / base for value, base in zip(values, smallest, strict=True)]
        figures[f"{size:,} {of}"] = Figure(OURS, "ms", percentile(values, 0.5), values, percentile(ratios, 0.5), ratios)
    return Comparison(name, next(iter(figures)), figures, lower_is_better=True, notes=[FILLED])


async def _milliseconds(one: _Served, name: str) -> float:
    begun = time.perf_counter()
    answer = await one.connection.request(one.requests[name])
    taken = (time.perf_counter() - begun) * 1000
    assert answer.status == 200, answer
    return taken


def _peak_mb(process: int) -> float:
    return kilobytes("VmHWM", process) / 1024


# -- disputes

_DISPUTES = """
INSERT INTO read.dispute_current
SELECT $2, d.id, 1 + n % 9, d.status, d.reason, d.customer, d.owner, 'Pricing', d.opened, d.opened + interval '5 days',
       d.open, ARRAY['INV-' || n], lower('dsp_' || d.id || ' ' || d.customer || ' inv-' || n || ' ' || d.owner),
       jsonb_build_object('dispute', $3::jsonb || jsonb_build_object('id', 'dsp_' || d.id, 'dispute_id', 'dsp_' || d.id,
         'status', d.status, 'reason_code', d.reason, 'customer_id', d.customer, 'owner', d.owner,
         'opened_at', d.opened))
FROM (
  SELECT n, gen_random_uuid() AS id, 'C-' || n % 5000 AS customer, 'clerk-' || n % 40 AS owner,
         (ARRAY['open', 'assigned', 'investigating', 'resolved', 'closed'])[1 + n / 5000 % 5] AS status,
         (ARRAY['PRICE', 'QUANTITY', 'DAMAGED'])[1 + n % 3] AS reason,
         timestamptz '2024-01-01 08:00Z' + n * interval '1 minute' AS opened, 100 + (n * 7919) % 1000000 AS open
  FROM generate_series(1, $1::bigint) AS n
) AS d
"""


@asynccontextmanager
async def _disputes(stand: Stand, issuer: Issuer, size: int) -> AsyncIterator[_Served]:
    database = await stand.make("dispute", prepare=dispute_tables)
    opened = DISPUTE.evolve(DISPUTE.initial, EXAMPLES["dispute-opened"])
    assert isinstance(opened, Dispute)
    example = msgspec.json.encode(stored_document(new_uuid(), 1, opened).dispute).decode()
    connection = await asyncpg.connect(database.superuser)
    try:
        await _fill(connection, "read.dispute_current", _DISPUTES, size, TENANT, example)
        middle = await connection.fetchrow(
            "SELECT opened_at, stream_id FROM read.dispute_current ORDER BY opened_at OFFSET $1 LIMIT 1", size // 2
        )
    finally:
        await connection.close()
    assert middle is not None
    filters = filters_hash("disputes", TENANT, msgspec.structs.asdict(DisputeFilter()))
    cursor = Cursors(CURSOR_KEY.encode()).encode([middle["opened_at"].isoformat(), str(middle["stream_id"])], filters)
    async with api(stand, issuer, database) as (port, process), connected(port) as asking:
        get = _getting(issuer)
        requests = {
            "GET /v1/disputes, first page": get("/v1/disputes"),
            "GET /v1/disputes, deep page": get("/v1/disputes", cursor=cursor),
            "GET /v1/disputes, open ones of one customer": get("/v1/disputes", customer_id="C-17", status="open"),
        }
        yield _Served(size, process, asking, requests)


# -- open items

_TERMS = """
INSERT INTO read.invoice_terms
SELECT $2, i.item, i.n, 'INV-' || n, 'C-' || n % 5000, 'DE01', (ARRAY['EUR', 'USD'])[1 + n % 2],
       i.issued, i.issued + 30, i.issued + interval '9 hours', NULL
FROM (
  SELECT n, md5('item' || n)::uuid AS item, date '2025-01-01' + (n * 7919 % 600)::int AS issued
  FROM generate_series(1, $1::bigint) AS n
) AS i
"""
# Every item is posted and still open; each fifth is partly paid 20 days later, each tenth held by a dispute after 35.
_MOVEMENTS = """
INSERT INTO read.movement
SELECT $2, t.seq, m.ordinal, t.item, m.kind, m.dispute, t.customer_id, t.currency, m.delta, t.issued_on + m.days,
       t.recorded_at + m.days * interval '1 day'
FROM read.invoice_terms AS t, LATERAL (
  VALUES (0, 'open', NULL, 100000 + t.seq % 5000, 0),
         (1, 'open', NULL, -40000, 20),
         (2, 'disputed', 'dsp_' || t.item, 30000, 35)
) AS m (ordinal, kind, dispute, delta, days)
WHERE m.ordinal = 0 OR (m.ordinal = 1 AND t.seq % 5 = 0) OR (m.ordinal = 2 AND t.seq % 10 = 3)
"""


@asynccontextmanager
async def _open_items(stand: Stand, issuer: Issuer, size: int) -> AsyncIterator[_Served]:
    database = await stand.make("collections", prepare=collections_tables)
    connection = await asyncpg.connect(database.superuser)
    try:
        await _fill(connection, "read.invoice_terms", _TERMS, size, TENANT)
        await _fill(connection, "read.movement", _MOVEMENTS.replace("$2", f"'{TENANT}'"))
        await connection.execute(
            "INSERT INTO es.consumer (name, service, log, shard, seq) SELECT $1, service, log, 0, $2 FROM es.log_head",
            Movements.name,
            size,
        )
    finally:
        await connection.close()
    async with api(stand, issuer, database) as (port, process), connected(port) as asking:
        get = _getting(issuer)
        requests = {
            "GET /v1/ageing, now": get("/v1/ageing"),
            "GET /v1/ageing, as of a past day": get("/v1/ageing", as_of=DAY),
            "GET /v1/ageing, as known at a past instant": get("/v1/ageing", known_at=INSTANT),
            "GET /v1/ageing, as of a past day as known then": get("/v1/ageing", as_of=DAY, known_at=INSTANT),
            "GET /v1/ageing, by customer": get("/v1/ageing", group_by="customer"),
            "GET /v1/ageing, one customer": get("/v1/ageing", customer_id="C-17"),
            "GET /v1/invoices, as of a past day, first page": get("/v1/invoices", as_of=DAY),
        }
        yield _Served(size, process, asking, requests)


async def _fill(connection: asyncpg.Connection, table: str, sql: str, *arguments: object) -> None:
    """Without its indexes, which are made again afterwards, as for any bulk load; then as autovacuum leaves it."""
    indexes = await connection.fetch(
        "SELECT indexrelid::regclass::text AS name, pg_get_indexdef(indexrelid) AS sql FROM pg_index"
        " WHERE indrelid = $1::regclass AND NOT indisprimary",
        table,
    )
    for index in indexes:
        await connection.execute(f"DROP INDEX {index['name']}")
    await connection.execute(sql, *arguments)
    for index in indexes:
        await connection.execute(index["sql"])
    await connection.execute(f"VACUUM ANALYZE {table}")


def _getting(issuer: Issuer) -> Callable[..., bytes]:
    bearer = issuer.bearer("approver", tenant=TENANT)

    def get(path: str, **parameters: str) -> bytes:
        return raw_request("GET", f"{path}?{urlencode(parameters)}", bearer)

    return get
