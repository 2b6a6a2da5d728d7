"""A thousand part payments of one invoice, through the ERP's door: what the last hundred cost beside the first."""

import statistics
import time
from datetime import date, timedelta
from itertools import count
from typing import Any

import msgspec
from support.issuer import Issuer

from bench.append import OURS
from bench.databases import Stand, settle
from bench.load import Connection, connected, raw_request
from bench.measure import Comparison, Figure, Rounds
from bench.services import api, collections_tables
from redress.ids import new_uuid

PAYMENTS, BATCH = 1_000, 100
FIRST, LAST = f"first {BATCH}", f"last {BATCH}"
TITLE = f"{PAYMENTS:,} part payments of one invoice, {BATCH} in a request"
_ISSUED = date(2026, 1, 5)
_invoices = count(1)


async def part_payments(stand: Stand, rounds: Rounds) -> list[Comparison]:
    """Microseconds of one payment; each round has an invoice of its own, with a dispute-free remainder to the end."""
    async with Issuer().serving() as issuer:
        database = await stand.make("collections", prepare=collections_tables)
        async with api(stand, issuer, database) as (port, _), connected(port) as connection:
            await settle(stand.cluster.superuser_dsn)
            bearer = issuer.bearer("erp", tenant="acme")
            taken = [await _one_invoice(connection, bearer) for _ in range(rounds.warm_up + rounds.count)]
    return [_compared(taken[rounds.warm_up :])]


def _compared(taken: list[list[float]]) -> Comparison:
    firsts, lasts = [each[0] for each in taken], [each[-1] for each in taken]
    ratios = [last / first for first, last in zip(firsts, lasts, strict=True)]
    figures = {
        FIRST: Figure(FIRST, "us", statistics.median(firsts), firsts, 1.0, [1.0] * len(firsts)),
        LAST: Figure(LAST, "us", statistics.median(lasts), lasts, statistics.median(ratios), ratios),
    }
    return Comparison(TITLE, FIRST, figures, lower_is_better=True, notes=[f"{OURS}: one payment a day"])


async def _one_invoice(connection: Connection, bearer: dict[str, str]) -> list[float]:
    """Of each hundred payments, the microseconds of one."""
    invoice_id = f"INV-{next(_invoices)}"
    await _post(connection, bearer, [_invoice(invoice_id)])
    times = []
    for start in range(0, PAYMENTS, BATCH):
        batch = [_payment(invoice_id, number) for number in range(start, start + BATCH)]
        begun = time.perf_counter()
        await _post(connection, bearer, batch)
        times.append((time.perf_counter() - begun) / BATCH * 1e6)
    return times


async def _post(connection: Connection, bearer: dict[str, str], batch: list[dict[str, Any]]) -> None:
    headers = {**bearer, "Idempotency-Key": str(new_uuid())}
    answer = await connection.request(raw_request("POST", "/v1/erp/events", headers, msgspec.json.encode(batch)))
    assert answer.status == 207, answer
    counts = msgspec.json.decode(answer.body)["counts"]
    assert counts["accepted"] == len(batch), counts


def _invoice(invoice_id: str) -> dict[str, Any]:
    return {
        "kind": "invoice-posted",
        "source": "bench",
        "source_event_id": invoice_id,
        "legal_entity": "DE01",
        "customer": {"id": "C-1"},
        "invoice_id": invoice_id,
        "issued_on": str(_ISSUED),
        "due_on": str(_ISSUED + timedelta(days=30)),
        "currency": "EUR",
        "total": "100000.00",
    }


def _payment(invoice_id: str, number: int) -> dict[str, Any]:
    return {
        "kind": "payment-received",
        "source": "bench",
        "source_event_id": f"{invoice_id} {number}",
        "payment_id": f"{invoice_id} {number}",
        "customer_id": "C-1",
        "received_on": str(_ISSUED + timedelta(days=number)),
        "currency": "EUR",
        "amount": "10.00",
        "allocations": [{"invoice_id": invoice_id, "amount": "10.00"}],
    }
