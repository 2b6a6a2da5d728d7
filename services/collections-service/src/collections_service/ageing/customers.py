"""Whose an invoice is on which day, in the books by day.

An invoice that another customer owes from a day on leaves the old one's books on that day, as it is then, and comes
into the new one's. What is recorded afterwards about earlier days is carried over in the same way.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from itertools import pairwise
from uuid import UUID

from collections_service.open_items.state import CustomerFrom, with_customer
from redress.eventlog.connections import Connection
from redress.eventlog.events import RecordedEvent

Item = tuple[str, UUID]
"""A tenant's invoice."""


def shared_out(on: date, delta: int, customers: Sequence[CustomerFrom]) -> Iterator[tuple[str, date, int]]:
    """A change of an amount in the books of everybody who has it one after the other, by customer and day."""
    place = max((n for n, each in enumerate(customers) if each.on <= on), default=0)
    yield customers[place].customer_id, on, delta
    for before, after in pairwise(customers[place:]):
        yield before.customer_id, after.on, -delta
        yield after.customer_id, after.on, delta


async def customers_of(connection: Connection, items: Sequence[Item]) -> Mapping[Item, tuple[CustomerFrom, ...]]:
    """Of those invoices that have had more than one."""
    rows = await connection.fetch(
        "SELECT tenant_id, item, previous_customer_id, customer_id, effective_on FROM invoice_customer"
        " WHERE tenant_id = ANY($1::text[]) AND item = ANY($2::uuid[]) ORDER BY seq",
        [tenant_id for tenant_id, _ in items],
        [item for _, item in items],
    )
    found: dict[Item, tuple[CustomerFrom, ...]] = {}
    for row in rows:
        item = (row["tenant_id"], row["item"])
        before = found.get(item) or (CustomerFrom(date.min, row["previous_customer_id"]),)
        found[item] = with_customer(before, CustomerFrom(row["effective_on"], row["customer_id"]))
    return found


async def move(connection: Connection, event: RecordedEvent, previous: str, to: CustomerFrom) -> None:
    """The invoice's amounts leave one customer's books and come into another's."""
    item = (event.tenant_id, event.stream_id)
    before = (await customers_of(connection, [item])).get(item) or (CustomerFrom(date.min, previous),)
    after = with_customer(before, to)
    await connection.execute(
        "INSERT INTO invoice_customer (tenant_id, item, seq, previous_customer_id, customer_id, effective_on,"
        " recorded_at) VALUES ($1, $2, $3, $4, $5, $6, $7)",
        event.tenant_id,
        event.stream_id,
        event.seq,
        previous,
        to.customer_id,
        to.on,
        event.recorded_at,
    )
    rows = await connection.fetch(
        "SELECT kind, dispute_id, currency, effective_on, sum(delta)::bigint AS delta FROM movement"
        " WHERE tenant_id = $1 AND item = $2 GROUP BY 1, 2, 3, 4 HAVING sum(delta) <> 0",
        event.tenant_id,
        event.stream_id,
    )
    moved: dict[tuple[str, str | None, str], Counter[tuple[str, date]]] = defaultdict(Counter)
    for row in rows:
        books = moved[row["kind"], row["dispute_id"], row["currency"]]
        for customer_id, on, delta in shared_out(row["effective_on"], row["delta"], after):
            books[customer_id, on] += delta
        for customer_id, on, delta in shared_out(row["effective_on"], row["delta"], before):
            books[customer_id, on] -= delta
    await connection.executemany(
        "INSERT INTO movement (tenant_id, seq, ordinal, item, kind, dispute_id, currency, customer_id, effective_on,"
        " delta, recorded_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        [
            (event.tenant_id, event.seq, ordinal, event.stream_id, *what, customer_id, on, delta, event.recorded_at)
            for ordinal, (what, customer_id, on, delta) in enumerate(
                (what, customer_id, on, delta)
                for what, books in moved.items()
                for (customer_id, on), delta in sorted(books.items())
                if delta
            )
        ],
    )
