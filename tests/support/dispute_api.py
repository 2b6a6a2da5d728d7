"""dispute-service over HTTP on real PostgreSQL, without its worker: one company per test.

api = await office.company("acme")
opened = await api.open()
await api.command(opened, "assign")
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx2 as httpx
from support.databases import MakeDatabase
from support.issuer import Issuer
from support.running_service import RunningService, running_service

from dispute_service.service import SERVICE
from redress.ids import new_uuid

NOON = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)


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


class Office(RunningService):
    """The running service, with companies that have nothing yet."""

    def company(self, tenant: str | None = None) -> Company:
        return Company(self.client, self.issuer, tenant or f"c-{new_uuid().hex[-12:]}")


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
    async with running_service(SERVICE, make_database, NOON) as running:
        yield Office(**vars(running))
