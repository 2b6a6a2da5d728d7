"""Row 31: the volume of the data, and the volume of the write-ahead log, run full and get room again.

Needs the right to mount a small file system, which the user root has.
"""

import asyncio
import os
import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import asyncpg
import pytest
from support.databases import Cluster, Database, MakeDatabase
from support.event_log import a_write, an_event, install_event_log
from support.eventually import eventually

from redress.eventlog.events import NewEvent
from redress.eventlog.log import LogUnavailable
from redress.eventlog.postgres import PostgresEventLog
from redress.eventlog.verify import verify
from redress_local.postgres import PostgresServer

BACK_WITHIN_S = 60.0
SETTINGS = {
    "fsync": "off",
    "min_wal_size": "32MB",
    "max_wal_size": "48MB",
    "shared_buffers": "16MB",
    "checkpoint_timeout": "30s",
    "restart_after_crash": "on",
}

needs_a_mount = pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a small file system")


@contextmanager
def volume(folder: Path, megabytes: int) -> Iterator[Path]:
    folder.mkdir(parents=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(folder)], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=False)


@asynccontextmanager
async def a_log_on(server: PostgresServer) -> AsyncIterator[tuple[PostgresEventLog, Database]]:
    factory = MakeDatabase(Cluster(server.dsn(), {}), prefix="full_")
    database = await factory("dispute", prepare=install_event_log)
    async with PostgresEventLog.open(database.api) as log:
        yield log, database


def a_large_event() -> NewEvent:
    return an_event("x" * 200_000)


async def until_it_is_full(log: PostgresEventLog) -> int:
    """How many large events were acknowledged until the first was not."""
    for number in range(1_000):
        try:
            await log.append("acme", [a_write(f"s{number}", 0, a_large_event())])
        except LogUnavailable:
            return number
    raise AssertionError("the volume did not run full")


async def takes_events_again(log: PostgresEventLog) -> None:
    async def taken() -> bool:
        try:
            await log.append("acme", [a_write("afterwards", 0, "there is room")])
        except LogUnavailable as still:
            raise AssertionError from still
        return True

    await eventually(taken, BACK_WITHIN_S)


async def nothing_is_lost(database: Database, acknowledged: int) -> None:
    """Acknowledged writes are there, whole; of the others, at most the one under way."""
    connection = await asyncpg.connect(database.superuser)
    try:
        found = await verify(connection)
        assert found.first_bad is None
        assert acknowledged + 1 <= found.events <= acknowledged + 2
    finally:
        await connection.close()


@needs_a_mount
async def test_row_31_a_full_data_volume_is_a_refusal_and_work_goes_on_when_there_is_room() -> None:
    with tempfile.TemporaryDirectory(prefix="redress-full-") as folder, volume(Path(folder) / "v", 200) as small:
        server = PostgresServer(small / "data", log=Path(folder) / "log", settings=SETTINGS)
        await asyncio.to_thread(server.start)
        try:
            async with a_log_on(server) as (log, database):
                free = shutil.disk_usage(small).free
                ballast = small / "ballast"
                ballast.write_bytes(b"\0" * max(0, free - 20_000_000))
                acknowledged = await until_it_is_full(log)
                assert acknowledged > 0
                ballast.unlink()
                await takes_events_again(log)
                await nothing_is_lost(database, acknowledged)
        finally:
            await asyncio.to_thread(server.stop)


@needs_a_mount
async def test_row_31_a_full_volume_of_the_write_ahead_log_loses_nothing_that_was_acknowledged() -> None:
    with (
        tempfile.TemporaryDirectory(prefix="redress-full-") as folder,
        volume(Path(folder) / "wal", 100) as small,
    ):
        server = PostgresServer(Path(folder) / "data", log=Path(folder) / "log", settings=SETTINGS)
        await asyncio.to_thread(server.start)
        await asyncio.to_thread(server.stop)
        _move_the_write_ahead_log(server, small)
        await asyncio.to_thread(server.start)
        try:
            async with a_log_on(server) as (log, database):
                ballast = small / "ballast"
                ballast.write_bytes(b"\0" * max(0, shutil.disk_usage(small).free - 4_000_000))
                acknowledged = await until_it_is_full(log)
                ballast.unlink()
                if not server.process.running:  # it gave up, as it must; whoever watches it starts it again
                    await asyncio.to_thread(server.start)
                await takes_events_again(log)
                await nothing_is_lost(database, acknowledged)
        finally:
            await asyncio.to_thread(server.stop)


def _move_the_write_ahead_log(server: PostgresServer, to: Path) -> None:
    owner = (server.data / "pg_wal").stat()
    shutil.copytree(server.data / "pg_wal", to / "pg_wal")
    for path in [to, to / "pg_wal", *(to / "pg_wal").rglob("*")]:
        os.chown(path, owner.st_uid, owner.st_gid)
    shutil.rmtree(server.data / "pg_wal")
    (server.data / "pg_wal").symlink_to(to / "pg_wal")
