from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio
import structlog
from support.clock import SetClock
from support.collections_office import Office, open_office
from support.databases import MakeDatabase


@pytest.fixture(autouse=True)
def plain_tracebacks() -> Iterator[None]:
    """As in production. Those with every local variable, structlog's default on a console, take ten seconds each."""
    before = structlog.get_config()
    structlog.configure(processors=[structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)])
    yield
    structlog.configure(**before)


@pytest_asyncio.fixture
async def clock() -> SetClock:
    return SetClock()


@pytest_asyncio.fixture
async def office(make_database: MakeDatabase, clock: SetClock) -> AsyncIterator[Office]:
    async with open_office(make_database, clock) as running:
        yield running
