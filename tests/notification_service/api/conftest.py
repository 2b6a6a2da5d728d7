from collections.abc import AsyncIterator

import httpx2 as httpx
import pytest
import pytest_asyncio
from support.issuer import Issuer
from support.notification_house import Api, House

from notification_service.api.app import create_app
from notification_service.api.parts import Parts
from notification_service.publication.published import NotificationPublication
from redress.eventlog.postgres import PostgresEventLog
from redress.messaging.feed import Feed
from redress.web.health import Health
from redress.web.pages import Cursors


@pytest_asyncio.fixture(scope="session")
async def issuer() -> AsyncIterator[Issuer]:
    async with Issuer().serving() as issuer:
        yield issuer


@pytest.fixture
async def api(house: House, issuer: Issuer) -> AsyncIterator[Api]:
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
