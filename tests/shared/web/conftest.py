from collections.abc import AsyncIterator

import httpx2 as httpx
import pytest_asyncio
from support.clock import SetClock
from support.issuer import Issuer


@pytest_asyncio.fixture
async def clock() -> SetClock:
    return SetClock()


@pytest_asyncio.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(trust_env=False) as client:
        yield client


@pytest_asyncio.fixture
async def issuer(clock: SetClock) -> AsyncIterator[Issuer]:
    async with Issuer(clock).serving() as issuer:
        yield issuer
