"""A mark belongs to a consumer and to one log of one service."""

from collections.abc import Sequence

import asyncpg
from support.databases import Database, MakeDatabase
from support.event_log import a_write
from support.notes import TABLES, SeenNotes, install_notes, notes_seen, worker_pool

from redress.eventlog.migrations import log_script, naming_script
from redress.eventlog.postgres import PostgresEventLog
from redress.messaging.log_source import LogSource
from redress.messaging.source import Mark
from redress.projections import checkpoints
from redress.projections.checkpoints import ConsumerKey
from redress.projections.runner import Runner


async def run_as_owner(database: Database, *scripts: str) -> None:
    connection = await asyncpg.connect(database.owner)
    try:
        async with connection.transaction():
            for script in scripts:
                await connection.execute(script)
    finally:
        await connection.close()


async def install_notes_before_0_2(database: Database) -> None:
    await run_as_owner(database, log_script("schema"), log_script("schema_batched_reads"), TABLES)


async def upgrade_to_0_2(database: Database) -> None:
    await run_as_owner(database, naming_script("notes-service") + log_script("schema_0_2"))


async def mark_as_before_0_2(pool: asyncpg.Pool, name: str, shard: int, seq: int, position: str | None = None) -> None:
    await pool.execute(
        "INSERT INTO es.consumer (name, shard, seq, epoch, position) SELECT $1, $2, $3, epoch, $4::text::jsonb"
        " FROM es.log_head",
        name,
        shard,
        seq,
        position,
    )


async def append(log: PostgresEventLog, first: int, *notes: str) -> None:
    await log.append("acme", [a_write("a", first - 1, *notes)])
    await log.wait_for(first - 1 + len(notes), 5.0)


async def test_after_the_upgrade_a_consumer_of_the_own_log_goes_on_where_it_was(make_database: MakeDatabase) -> None:
    database = await make_database("dispute", prepare=install_notes_before_0_2)
    async with PostgresEventLog.open(database.worker) as log, worker_pool(database) as pool:
        await append(log, 1, "one", "two", "three")
        await mark_as_before_0_2(pool, "seen", 0, 2)
    await upgrade_to_0_2(database)
    async with PostgresEventLog.open(database.worker) as log, worker_pool(database) as pool:
        await append(log, 4, "four")
        runner = Runner(pool, SeenNotes(), LogSource(log))
        await runner.open()
        await runner.catch_up()
        assert await notes_seen(pool) == ["three", "four"]
        assert await marks(pool) == [("seen", "notes-service", "main", 0, 4)]


async def test_the_upgrade_keeps_every_mark_and_says_whose_log_it_is_of(make_database: MakeDatabase) -> None:
    database = await make_database("dispute", prepare=install_notes_before_0_2)
    async with worker_pool(database) as pool:
        await mark_as_before_0_2(pool, "relay", 0, 7, '{"last":[1]}')
        await mark_as_before_0_2(pool, "seen@next", 0, 3)
        await mark_as_before_0_2(pool, "holds:dispute-service", 5, 11, '{"offset":40}')
        await mark_as_before_0_2(pool, "holds:dispute-service@next", 5, 2)
        await mark_as_before_0_2(pool, "erp-inbox:erp.invoices_v1", 1, 9)
    await upgrade_to_0_2(database)
    async with worker_pool(database) as pool, pool.acquire() as connection:
        assert await marks(pool) == [
            ("erp-inbox", "erp.invoices_v1", "main", 1, 9),
            ("holds", "dispute-service", "main", 5, 11),
            ("holds@next", "dispute-service", "main", 5, 2),
            ("relay", "notes-service", "main", 0, 7),
            ("seen@next", "notes-service", "main", 0, 3),
        ]
        epoch = await pool.fetchval("SELECT epoch FROM es.log_head")
        assert await checkpoints.read(connection, ConsumerKey("holds", "dispute-service")) == {5: Mark(11, epoch, 40)}
        assert await pool.fetchval("SELECT position::text FROM es.consumer WHERE name = 'relay'") == '{"last": [1]}'


async def test_two_logs_of_one_service_are_followed_each_by_its_own_marks(make_database: MakeDatabase) -> None:
    database = await make_database("dispute", prepare=install_notes)
    keys = [ConsumerKey("holds", "dispute-service", log) for log in ("main", "eu")]
    async with worker_pool(database) as pool, pool.acquire() as connection:
        for seq, key in enumerate(keys, 1):
            await checkpoints.ensure(connection, key, [0])
            await checkpoints.move(connection, key, {0: Mark(seq, f"epoch {seq}")})
        assert [await checkpoints.read(connection, key) for key in keys] == [
            {0: Mark(1, "epoch 1")},
            {0: Mark(2, "epoch 2")},
        ]
    assert [key.label for key in keys] == ["holds:dispute-service", "holds:dispute-service/eu"]


async def test_the_mark_of_the_own_log_is_the_same_whether_the_service_is_named_or_not(
    make_database: MakeDatabase,
) -> None:
    database = await make_database("dispute", prepare=install_notes)
    async with worker_pool(database) as pool, pool.acquire() as connection:
        await checkpoints.ensure(connection, ConsumerKey("seen"), [0])
        await checkpoints.move(connection, ConsumerKey("seen"), {0: Mark(5, "e")})
        assert await checkpoints.read(connection, ConsumerKey("seen", "dispute-service")) == {0: Mark(5, "e")}


async def marks(pool: asyncpg.Pool) -> Sequence[tuple[object, ...]]:
    rows = await pool.fetch("SELECT name, service, log, shard, seq FROM es.consumer ORDER BY name")
    return [tuple(row) for row in rows]
