"""The real parts that tests run against: PostgreSQL and Kafka, started when the first test asks for them.

DATABASE_URL (a superuser's) and KAFKA_BOOTSTRAP_SERVERS put running ones in their place. Nothing is ever skipped.
"""

import asyncio
import gc
import os
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import fastapi.dependencies.models
import hypothesis  # noqa: F401 - its plugin would import it at the very end, where CPython once failed to parse
import pytest
import pytest_asyncio
from support.databases import Cluster, MakeDatabase, external_cluster
from support.kafka import Kafka

from redress_local.kafka import KafkaCluster
from redress_local.postgres import PostgresServer

# What a power cut would lose is not what tests are about; a killed server loses nothing with these either.
_FOR_TESTS = {"fsync": "off", "full_page_writes": "off", "shared_buffers": "128MB"}


def pytest_collection_finish() -> None:
    """What the imports made stays for good: no collection looks at it again."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="module", autouse=True)
def no_app_outlives_its_module() -> Iterator[None]:
    """FastAPI remembers the last 4,096 functions it has looked at, and through them every app of every test: a million
    objects, among which one collection took three seconds."""
    yield
    for remembered in vars(fastapi.dependencies.models).values():
        if callable(clear := getattr(remembered, "cache_clear", None)):
            clear()


@pytest.fixture(scope="session")
def postgres() -> Iterator[Cluster]:
    """A PostgreSQL 18 cluster."""
    if url := os.environ.get("DATABASE_URL"):
        yield external_cluster(url)
        return
    with tempfile.TemporaryDirectory(prefix="redress-postgres-", ignore_cleanup_errors=True) as folder:
        server = PostgresServer(Path(folder) / "data", settings=_FOR_TESTS)
        server.start()
        try:
            yield Cluster(server.dsn(), {})
        finally:
            server.kill()  # a thousand databases would be written to disk first, only to be thrown away
            server.stop()


@pytest_asyncio.fixture(scope="session")
async def make_database(postgres: Cluster) -> AsyncIterator[MakeDatabase]:
    """Gives fresh databases; see `support.databases.MakeDatabase`."""
    factory = MakeDatabase(postgres, prefix=f"t{os.getpid()}_")
    yield factory
    if "DATABASE_URL" in os.environ:  # our own goes with its folder; dropping a thousand takes minutes
        await factory.drop_all()


@pytest.fixture(scope="session")
def kafka() -> Iterator[Kafka]:
    """An Apache Kafka of one node."""
    if servers := os.environ.get("KAFKA_BOOTSTRAP_SERVERS"):
        yield Kafka(servers)
        return
    with tempfile.TemporaryDirectory(prefix="redress-kafka-", ignore_cleanup_errors=True) as folder:
        cluster = KafkaCluster(Path(folder))
        cluster.start()
        try:
            yield Kafka(cluster.bootstrap_servers)
        finally:
            cluster.stop()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def kafka_cluster() -> AsyncIterator[KafkaCluster]:
    """An Apache Kafka of three nodes that a test may stop, kill and start one by one, leaving all three running.

    For a module at a time: three idle nodes take half a core from everything that comes after them.
    """
    with tempfile.TemporaryDirectory(prefix="redress-kafka-", ignore_cleanup_errors=True) as folder:
        cluster = KafkaCluster(Path(folder), nodes=3)
        await asyncio.to_thread(cluster.start)
        try:
            yield cluster
        finally:
            await asyncio.to_thread(cluster.stop)
