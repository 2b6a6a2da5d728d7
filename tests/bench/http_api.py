"""The dispute service over HTTP beside the least that a writing endpoint can be."""

import asyncio
import base64
import os
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import cycle

import asyncpg
import msgspec
from support.dispute_api import migrated, with_vault
from support.eventually import eventually
from support.issuer import AUDIENCE, Issuer

from bench.append import OURS
from bench.bare_api import TABLE
from bench.databases import Stand, settle
from bench.load import Connection, raw_request, requests_per_second
from bench.measure import Comparison, Rounds, Run, compare
from redress.ids import new_uuid

CONNECTIONS = (1, 32)
BARE = "FastAPI + one statement"
TENANT = "acme"
CUSTOMERS = 500

_VAULT_KEY = base64.b64encode(os.urandom(32)).decode()
_customers = cycle(range(CUSTOMERS))


async def http_api(stand: Stand, rounds: Rounds) -> list[Comparison]:
    """POST /v1/disputes and GET of one dispute, requests/s, each server a process of its own."""
    async with AsyncExitStack() as stack:
        issuer = await stack.enter_async_context(Issuer().serving())
        ours = await stack.enter_async_context(_dispute_service(stand, issuer))
        bare = await stack.enter_async_context(_bare(stand))
        bearer = issuer.bearer("analyst", tenant=TENANT)
        done = []
        for connections in CONNECTIONS:
            await settle(stand.cluster.superuser_dsn)
            opening: dict[str, Run] = {
                BARE: lambda n=connections: requests_per_second(bare, n, rounds.seconds, lambda: _post({}), 201),
                OURS: lambda n=connections: requests_per_second(ours, n, rounds.seconds, lambda: _post(bearer), 201),
            }
            title = f"POST /v1/disputes, {connections} connection{'s' if connections > 1 else ''}"
            done.append(await compare(title, "requests/s", opening, rounds=rounds, baseline=BARE))
            reading: dict[str, Run] = {}
            for name, port, headers in ((BARE, bare, {}), (OURS, ours, bearer)):
                raw = raw_request("GET", f"/v1/disputes/{await _one_dispute(port, headers)}", headers)
                reading[name] = lambda p=port, r=raw, n=connections: requests_per_second(
                    p, n, rounds.seconds, lambda: r, 200
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
async def _dispute_service(stand: Stand, issuer: Issuer) -> AsyncIterator[int]:
    database = await stand.make("dispute", prepare=migrated)
    vault = await stand.make("vault", prepare=with_vault)
    port = _free_port()
    settings = {
        "DISPUTE_DATABASE_URL": database.api,
        "VAULT_DATABASE_URL": vault.as_role("dispute_api"),
        "VAULT_KEY": _VAULT_KEY,
        "CURSOR_KEY": "a-key-for-measuring-only",
        "DISPUTE_PORT": str(port),
        "TRANSPORT": "feed",
        "ISSUER": issuer.iss,
        "JWKS_URL": issuer.jwks_url,
        "AUDIENCE": AUDIENCE,
    }
    async with _process(port, "dispute_service", "api", env=settings):
        yield port


@asynccontextmanager
async def _bare(stand: Stand) -> AsyncIterator[int]:
    dsn = await stand.fresh("bare_api")
    connection = await asyncpg.connect(dsn)
    await connection.execute(TABLE)
    await connection.close()
    port = _free_port()
    async with _process(port, "bench.bare_api", dsn, str(port), env={}):
        yield port


@asynccontextmanager
async def _process(port: int, module: str, *arguments: str, env: dict[str, str]) -> AsyncIterator[None]:
    """`python -m module` until the block ends; it is ready when it listens."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", module, *arguments, env={**os.environ, **env}, stdout=asyncio.subprocess.DEVNULL
    )

    async def listens() -> bool:
        assert process.returncode is None, f"{module} ended with {process.returncode}"
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            return False
        writer.close()
        return True

    try:
        await eventually(listens, 30.0)
        yield
    finally:
        process.terminate()
        try:
            await asyncio.wait_for(process.wait(), 15.0)
        except TimeoutError:
            process.kill()
            await process.wait()


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port
