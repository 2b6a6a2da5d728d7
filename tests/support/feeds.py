"""A service's feed, served over real HTTP with real tokens, and a client that follows it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx2 as httpx
from support.issuer import Issuer
from support.notes import NotesPublication
from support.serving import serving

from redress.messaging.feed import Feed, FollowedLog, feed_router
from redress.messaging.feed_source import FeedClient
from redress.web.app import create_base_app
from redress.web.health import Health


class StaticToken:
    """A token that does not expire while a test runs."""

    def __init__(self, token: str) -> None:
        self._token = token

    async def token(self) -> str:
        return self._token

    def forget(self) -> None:
        pass


@dataclass
class ServedFeed:
    address: str
    issuer: Issuer
    http: httpx.AsyncClient
    stopping: asyncio.Event

    @property
    def client(self) -> FeedClient:
        """A service that may follow all tenants."""
        return self.client_for("service", "*")

    def client_for(self, role: str, tenant: str) -> FeedClient:
        return FeedClient(self.http, self.address, StaticToken(self.issuer.token(role, tenant=tenant)))

    async def get(self, path: str, role: str = "service", tenant: str = "*", **parameters: Any) -> httpx.Response:
        headers = self.issuer.bearer(role, tenant=tenant)
        return await self.http.get(self.address + path, params=parameters, headers=headers)


@asynccontextmanager
async def served_feed(log: FollowedLog) -> AsyncIterator[ServedFeed]:
    async with Issuer().serving() as issuer, httpx.AsyncClient(timeout=40.0) as http:
        app = create_base_app(
            title="Notes", version="1", description="", auth=issuer.authenticator(http), health=Health(ready={})
        )
        app.state.stopping = asyncio.Event()
        app.include_router(feed_router(Feed(log, NotesPublication(log))))
        async with serving(app) as address:
            yield ServedFeed(address, issuer, http, app.state.stopping)
