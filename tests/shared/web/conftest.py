import io
from collections.abc import AsyncIterator

import httpx2 as httpx
import pytest
import pytest_asyncio
from support.clock import SetClock
from support.issuer import Issuer, Issuers

from redress.ops.logs import configure_logs


@pytest_asyncio.fixture
async def clock() -> SetClock:
    return SetClock()


@pytest_asyncio.fixture(scope="session")
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(trust_env=False) as client:
        yield client


@pytest_asyncio.fixture(scope="session")
async def issuers() -> AsyncIterator[Issuers]:
    async with Issuers().serving() as issuers:
        yield issuers


@pytest.fixture
def issuer(issuers: Issuers, clock: SetClock) -> Issuer:
    return issuers.fresh(clock)


@pytest.fixture(autouse=True, scope="package")
def log_as_services_do() -> None:
    configure_logs("office", "1.0", stream=io.StringIO())
