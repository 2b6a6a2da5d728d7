"""The server everything is measured on: embedded PostgreSQL, default durability, one database per contestant."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg
from support.databases import Cluster, Database, MakeDatabase
from support.event_log import install_event_log

from redress_local.postgres import PostgresServer


@dataclass(frozen=True)
class Stand:
    """Where it is measured. `fresh_log` gives an empty event log, `fresh` an empty database of the superuser."""

    cluster: Cluster
    make: MakeDatabase
    socket_folder: Path

    async def fresh_log(self) -> Database:
        return await self.make("dispute", prepare=install_event_log)

    async def fresh(self, name: str) -> str:
        """The address of a new database."""
        connection = await asyncpg.connect(self.cluster.superuser_dsn)
        try:
            await connection.execute(f"DROP DATABASE IF EXISTS {name}")
            await connection.execute(f"CREATE DATABASE {name}")
        finally:
            await connection.close()
        return self.cluster.dsn(name)


@contextmanager
def stand() -> Iterator[Stand]:
    """fsync, synchronous_commit and full_page_writes stay on: what is measured is what a deployment gets."""
    with tempfile.TemporaryDirectory(prefix="redress-bench-", ignore_cleanup_errors=True) as folder:
        server = PostgresServer(Path(folder) / "data")
        server.start()
        try:
            cluster = Cluster(server.dsn(), {})
            yield Stand(cluster, MakeDatabase(cluster, prefix="b_"), server.socket_folder)
        finally:
            server.stop()


async def settle(dsn: str) -> None:
    """Bring what earlier rounds left behind to disk, so that it is not paid for by the next contestant."""
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute("CHECKPOINT")
    finally:
        await connection.close()
