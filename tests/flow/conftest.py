"""One running stack per transport, shared by the flow tests; each test is its own tenant."""

import re
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from support.company import Company, free_ports, running_stack


@pytest_asyncio.fixture(scope="package", loop_scope="session", params=["kafka", "feed"])
async def stack(request: pytest.FixtureRequest) -> AsyncIterator[Company]:
    with tempfile.TemporaryDirectory(prefix="redress-flow-", ignore_cleanup_errors=True) as folder:
        async with running_stack(Path(folder) / "data", request.param, free_ports()) as company:
            yield company


@pytest.fixture
def company(stack: Company, request: pytest.FixtureRequest) -> Company:
    """A company of the test's own, so that no test sees another's money."""
    name = re.sub(r"[^a-z0-9]+", "-", request.node.name.lower())
    return stack.of(name[-60:].strip("-"))
