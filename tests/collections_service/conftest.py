from collections.abc import AsyncIterator

import pytest_asyncio
from support.clock import SetClock
from support.collections_office import Office, open_office
from support.databases import MakeDatabase


@pytest_asyncio.fixture
async def clock() -> SetClock:
    return SetClock()


@pytest_asyncio.fixture
async def office(make_database: MakeDatabase, clock: SetClock) -> AsyncIterator[Office]:
    async with open_office(make_database, clock) as running:
        yield running
