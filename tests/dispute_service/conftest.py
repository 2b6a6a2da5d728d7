from collections.abc import AsyncIterator

import pytest_asyncio
from support.databases import MakeDatabase
from support.dispute_api import NOON, Company, Office, dispute_office


@pytest_asyncio.fixture(scope="session")
async def running_office(make_database: MakeDatabase) -> AsyncIterator[Office]:
    async with dispute_office(make_database) as office:
        yield office


@pytest_asyncio.fixture
async def office(running_office: Office) -> Office:
    """The service, shared by all tests: each one has a company of its own."""
    running_office.clock.set(NOON)
    return running_office


@pytest_asyncio.fixture
async def company(office: Office) -> Company:
    return office.company()
