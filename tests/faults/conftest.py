"""One running deployment for all fault tests; each test is a company of its own and leaves everything running."""

import os
import re
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2 as httpx
import pytest
import pytest_asyncio

from faults.client import Client
from faults.deployment import Deployment


@contextmanager
def _folder() -> Iterator[str]:
    if kept := os.environ.get("FAULTS_KEEP"):
        Path(kept).mkdir(parents=True, exist_ok=True)
        yield tempfile.mkdtemp(prefix="faults-", dir=kept)
        return
    with tempfile.TemporaryDirectory(prefix="redress-faults-", ignore_cleanup_errors=True) as folder:
        yield folder


@pytest_asyncio.fixture(scope="package", loop_scope="session")
async def everything() -> AsyncIterator[Deployment]:
    """Started once: three brokers and six processes take their time. FAULTS_KEEP=<folder> keeps its logs there."""
    with _folder() as folder:
        deployment = Deployment(Path(folder))
        try:
            await deployment.start()
            yield deployment
        finally:
            await deployment.stop()


@pytest_asyncio.fixture
async def deployment(everything: Deployment) -> AsyncIterator[Deployment]:
    """The deployment, undisturbed before and after the test."""
    try:
        yield everything
    finally:
        await everything.mend()
        if everything.brokers_disturbed:
            await everything.in_sync(1, 2, 3)
            everything.brokers_disturbed = False


@pytest_asyncio.fixture
async def company(deployment: Deployment, request: pytest.FixtureRequest) -> AsyncIterator[Client]:
    """A company that nobody else works for."""
    name = re.sub(r"[^a-z0-9]+", "-", request.node.name.removeprefix("test_").lower())[:40].strip("-")
    async with httpx.AsyncClient(trust_env=False, limits=httpx.Limits(max_connections=64)) as http:
        yield Client(deployment, name, http)
