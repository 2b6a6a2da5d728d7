"""The dispute service over HTTP beside the least that a writing endpoint can be."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from itertools import cycle

import asyncpg
import msgspec
from support.issuer import Issuer

from bench.append import OURS
from bench.bare_api import TABLE
from bench.databases import Stand, settle
from bench.load import Connection, raw_request, requests_per_second
from bench.measure import Comparison, Rounds, Run, compare
from bench.processes import free_port, serving
from bench.services import api, dispute_tables
from redress.ids import new_uuid

CONNECTIONS = (1, 32)
BARE = "FastAPI + one statement"
TENANT = "acme"
CUSTOMERS = 500

_customers = cycle(range(CUSTOMERS))


async def http_api(stand: Stand, rounds: Rounds) -> list[Comparison]:
    """POST /v1/disputes and GET of one dispute, requests/s, each server a process of its own."""
    async with AsyncExitStack() as stack:
        issuer = await stack.enter_async_context(Issuer().serving())
        database = await stand.make("dispute", prepare=dispute_tables)
        ours, _ = await stack.enter_async_context(api(stand, issuer, database))
        bare = await stack.enter_async_context(_bare(stand))
        bearer = issuer.bearer("analyst", tenant=TENANT)
        done = []
        for connections in CONNECTIONS:
            await settle(stand.cluster.superuser_dsn)
            opening: dict[str, Run] = {
                BARE: partial(requests_per_second, bare, connections, rounds.seconds, partial(_post, {}), 201),
                OURS: partial(requests_per_second, ours, connections, rounds.seconds, partial(_post, bearer), 201),
            }
            title = f"POST /v1/disputes, {connections} connection{'s' if connections > 1 else ''}"
            done.append(await compare(title, "requests/s", opening, rounds=rounds, baseline=BARE))
            reading: dict[str, Run] = {}
            for name, port, headers in ((BARE, bare, {}), (OURS, ours, bearer)):
                raw = raw_request("GET", f"/v1/disputes/{await _one_dispute(port, headers)}", headers)
                reading[name] = partial(
                    requests_per_second, port, connections, rounds.seconds, partial(bytes, raw), 200
                )
            title = f"GET /v1/disputes/{{id}}, {connections} connection{'s' if connections > 1 else ''}"
            done.append(await compare(title, "requests/s", reading, rounds=rounds, baseline=BARE))
        return done


def _post(headers: dict[str, str]) -> bytes:
    customer = next(_customers)
    body = msgspec.json.encode(
        {
            "customer_id": f"C-{customer}",
            "items": [{"invoice_id": f"INV-{new_uuid()}", "amount": {"amount": "123.45", "currency": "EUR"}}],
            "reason_code": "PRICE",
            "description": "The price per unit differs from the contract of 14 January; see the attached price list.",
            "origin": "email",
            "contact": {"name": "Erika Mustermann", "email": f"erika@c{customer}.example", "language": "de"},
        }
    )
    return raw_request("POST", "/v1/disputes", {**headers, "Idempotency-Key": str(new_uuid())}, body)


async def _one_dispute(port: int, headers: dict[str, str]) -> str:
    connection = (await asyncio.get_running_loop().create_connection(Connection, "127.0.0.1", port))[1]
    answer = await connection.request(_post(headers))
    connection.close()
    assert answer.status == 201, answer
    opened: str = msgspec.json.decode(answer.body)["dispute_id"]
    return opened


@asynccontextmanager
async def _bare(stand: Stand) -> AsyncIterator[int]:
    dsn = await stand.fresh("bare_api")
    connection = await asyncpg.connect(dsn)
    await connection.execute(TABLE)
    await connection.close()
    port = free_port()
    async with serving(port, "bench.bare_api", dsn, str(port), env={}):
        yield port
