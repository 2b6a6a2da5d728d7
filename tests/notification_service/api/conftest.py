from collections.abc import AsyncIterator
from dataclasses import dataclass

import httpx2 as httpx
import pytest
import pytest_asyncio
from fastapi import FastAPI
from support.issuer import Issuer

from notification_service.api.app import create_app
from notification_service.api.parts import Parts
from notification_service.publication.published import NotificationPublication
from redress.eventlog.postgres import PostgresEventLog
from redress.messaging.feed import Feed
from redress.web.health import Health
from redress.web.pages import Cursors


@dataclass
class Api:
    """The API as callers of different roles see it."""

    app: FastAPI
    issuer: Issuer
    http: httpx.AsyncClient

    async def get(self, path: str, role: str = "analyst", tenant: str = "demo", **headers: str) -> httpx.Response:
        return await self.http.get(path, headers={**self.issuer.bearer(role, tenant=tenant), **headers})

    async def put(self, path: str, body: object, role: str = "admin", **headers: str) -> httpx.Response:
        return await self.http.put(path, json=body, headers={**self.issuer.bearer(role), **headers})


@pytest_asyncio.fixture(scope="session")
async def issuer() -> AsyncIterator[Issuer]:
    async with Issuer().serving() as issuer:
        yield issuer


@pytest.fixture
async def api(house, issuer: Issuer) -> AsyncIterator[Api]:
    async with (
        PostgresEventLog.open(house.database.api) as log,
        httpx.AsyncClient(trust_env=False) as outside,
    ):
        app = create_app(
            Parts(
                log=log,
                pool=log.pool,
                vault=house.vault,
                feed=Feed(log, NotificationPublication(log)),
                cursors=Cursors(b"0123456789abcdef"),
                auth=issuer.authenticator(outside),
                health=Health(ready={"database": log.head}),
                clock=house.clock,
            )
        )
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://notification") as http:
            yield Api(app, issuer, http)
