"""dispute-service over HTTP on real PostgreSQL, without its worker: one company per test.

api = await office.company("acme")
opened = await api.open()
await api.command(opened, "assign")
"""

import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2 as httpx
from sqlalchemy.ext.asyncio import create_async_engine
from support.clock import SetClock
from support.databases import Database, MakeDatabase
from support.issuer import Issuer

import dispute_service
from dispute_service.api.app import create_app
from dispute_service.api.parts import ApiParts
from dispute_service.command_handling.handler import CommandHandler
from dispute_service.publication.publish import DisputePublication
from dispute_service.queries.dispute_lists import DisputeLists
from redress.eventlog.migrations import upgrade
from redress.eventlog.postgres import PostgresEventLog
from redress.eventlog.vault import Vault, install
from redress.ids import new_uuid
from redress.messaging.feed import Feed
from redress.web.health import Health
from redress.web.pages import Cursors

NOON = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)
KEY = base64.b64decode("MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=")
MIGRATIONS = Path(dispute_service.__file__).parent / "migrations"


async def migrated(database: Database) -> None:
    await upgrade(database.owner, MIGRATIONS)


async def with_vault(database: Database) -> None:
    await install(database.owner)


@dataclass
class Company:
    """One company's view of the API; every call is a new request with a key of its own."""

    client: httpx.AsyncClient
    issuer: Issuer
    tenant: str
    role: str = "approver"

    def as_(self, role: str) -> "Company":
        return Company(self.client, self.issuer, self.tenant, role)

    async def get(self, path: str, **params: Any) -> httpx.Response:
        wanted = {name: value for name, value in params.items() if value is not None}
        return await self.client.get(path, params=wanted, headers=self._bearer())

    async def post(self, path: str, body: object = None, **headers: str) -> httpx.Response:
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        sent = {"Idempotency-Key": str(new_uuid()), **self._bearer(), **names}
        return await self.client.post(path, json=body, headers=sent)

    async def open(self, **changes: object) -> dict[str, Any]:
        answer = await self.post("/v1/disputes", opening(**changes))
        assert answer.status_code == 201, answer.text
        dispute: dict[str, Any] = answer.json()
        return dispute

    async def command(
        self, dispute: dict[str, Any], action: str, body: object = None, **headers: str
    ) -> httpx.Response:
        headers.setdefault("If_Match", f'"{dispute["version"]}"')
        return await self.post(f"/v1/disputes/{dispute['dispute_id']}/{action}", body, **headers)

    async def done(self, dispute: dict[str, Any], action: str, body: object = None) -> dict[str, Any]:
        answer = await self.command(dispute, action, body)
        assert answer.status_code == 200, answer.text
        changed: dict[str, Any] = answer.json()
        return changed

    def _bearer(self) -> dict[str, str]:
        return self.issuer.bearer(self.role, tenant=self.tenant)


@dataclass
class Office:
    """The running service and what a test may look behind it with."""

    client: httpx.AsyncClient
    issuer: Issuer
    clock: SetClock
    log: PostgresEventLog
    vault: Vault
    database: Database
    app: object
    companies: list[str] = field(default_factory=list)

    def company(self, tenant: str | None = None) -> Company:
        name = tenant or f"c-{new_uuid().hex[-12:]}"
        self.companies.append(name)
        return Company(self.client, self.issuer, name)


def money(amount: str, currency: str = "EUR") -> dict[str, str]:
    return {"amount": amount, "currency": currency}


def opening(*items: dict[str, Any], **changes: object) -> dict[str, Any]:
    body = {
        "customer_id": "C-1",
        "items": list(items) or [{"invoice_id": "INV-1", "amount": money("200.00")}],
        "reason_code": "PRICE",
        "origin": "email",
    }
    return {name: value for name, value in {**body, **changes}.items() if value is not None}


@asynccontextmanager
async def dispute_office(make_database: MakeDatabase) -> AsyncIterator[Office]:
    database = await make_database("dispute", prepare=migrated)
    vault_database = await make_database("vault", prepare=with_vault)
    clock = SetClock(NOON)
    engine = create_async_engine(database.api.replace("postgresql://", "postgresql+asyncpg://", 1))
    async with (
        Issuer(clock).serving() as issuer,
        httpx.AsyncClient(trust_env=False) as plain,
        PostgresEventLog.open(database.api) as log,
        Vault.open_at(vault_database.as_role("dispute_api"), KEY) as vault,
    ):
        health = Health(ready={})
        health.running(running=True)
        parts = ApiParts(
            log=log,
            handler=CommandHandler(log),
            lists=DisputeLists(engine, Cursors(b"0123456789abcdef")),
            vault=vault,
            feed=Feed(log, DisputePublication(log)),
            auth=issuer.authenticator(plain),
            health=health,
            clock=clock,
        )
        app = create_app(parts)
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://dispute", trust_env=False) as client:
            yield Office(client, issuer, clock, log, vault, database, app)
    await engine.dispose()
