"""A projection is built anew beside the live one and takes its place, without anybody noticing."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import asyncpg
import pytest
from support.databases import Database, MakeDatabase
from support.event_log import a_write
from support.eventually import eventually
from support.following import publisher_and_follower
from support.notes import SeenNotes, install_notes, notes_seen, worker_pool
from support.running import running

from redress.contracts.envelope import PublishedEvent
from redress.eventlog.connections import Connection
from redress.eventlog.events import RecordedEvent
from redress.eventlog.postgres import PostgresEventLog
from redress.messaging.feed_source import FeedSource
from redress.messaging.log_source import LogSource
from redress.projections.rebuild import Progress, RebuildFailed, RebuildRefused, RebuildResult, drop_old, rebuild
from redress.projections.runner import Runner
from redress.projections.shadow import CannotShadow


@dataclass
class Service:
    database: Database
    log: PostgresEventLog
    pool: asyncpg.Pool
    versions: dict[str, int] = field(default_factory=dict)

    def runner(self, seen: SeenNotes) -> Runner[RecordedEvent]:
        return Runner(self.pool, seen, LogSource(self.log), pauses_s=(0.0,))

    async def notes(self, stream: str, *notes: str) -> None:
        version = self.versions.get(stream, 0)
        await self.log.append("acme", [a_write(stream, version, *notes)])
        self.versions[stream] = version + len(notes)
        await self.log.wait_for(sum(self.versions.values()), 5.0)

    async def rebuilt(self, seen: SeenNotes, **options: Any) -> RebuildResult:
        return await rebuild(
            seen,
            LogSource(self.log),
            owner_dsn=self.database.owner,
            worker_dsn=self.database.worker,
            **options,
        )

    async def as_owner(self, sql: str) -> None:
        owner = await asyncpg.connect(self.database.owner)
        try:
            await owner.execute(sql)
        finally:
            await owner.close()

    async def caught_up(self, seen: SeenNotes) -> None:
        runner = self.runner(seen)
        await runner.open()
        await runner.catch_up()


@pytest.fixture
async def service(make_database: MakeDatabase) -> AsyncIterator[Service]:
    database = await make_database("dispute", prepare=install_notes)
    async with PostgresEventLog.open(database.worker) as log, worker_pool(database) as pool:
        yield Service(database, log, pool)


async def test_a_rebuilt_projection_equals_the_live_one(service: Service) -> None:
    for number in range(25):
        await service.notes(f"s{number % 7}", f"n{number}")
    await service.caught_up(SeenNotes())
    before = await service.pool.fetch("SELECT * FROM read.seen ORDER BY seq")
    reports: list[Progress] = []
    done = await service.rebuilt(SeenNotes(), progress=reports.append, batch=10)
    assert await service.pool.fetch("SELECT * FROM read.seen ORDER BY seq") == before
    assert (done.position, dict(done.rows)) == (25, {"seen": (25, 25)})
    assert [(report.done, report.total) for report in reports] == [(10, 25), (20, 25), (25, 25)]


async def test_a_corrected_handler_takes_effect_on_the_whole_past(service: Service) -> None:
    class Shouting(SeenNotes):
        async def apply(self, connection: Connection, events: Sequence[RecordedEvent | PublishedEvent]) -> None:
            await super().apply(connection, events)
            await connection.execute("UPDATE seen SET note = upper(note)")

    await service.notes("a", "one", "two")
    await service.caught_up(SeenNotes())
    await service.rebuilt(Shouting())
    assert await notes_seen(service.pool) == ["ONE", "TWO"]
    await service.notes("a", "three")
    await service.caught_up(Shouting())
    assert await notes_seen(service.pool) == ["ONE", "TWO", "THREE"]


async def test_the_live_consumer_goes_on_during_the_rebuild_and_after_it(service: Service) -> None:
    for number in range(30):
        await service.notes(f"s{number % 3}", f"n{number}")

    async def all_seen() -> bool:
        return await notes_seen(service.pool) == [*(f"n{number}" for number in range(60)), "after"]

    async with running(service.runner(SeenNotes()).run):
        rebuilding = asyncio.create_task(service.rebuilt(SeenNotes(), batch=7))
        for number in range(30, 60):
            await service.notes(f"s{number % 3}", f"n{number}")
        await rebuilding
        await service.notes("s0", "after")
        await eventually(all_seen)


async def test_readers_always_see_a_whole_table(service: Service) -> None:
    for number in range(40):
        await service.notes("a", f"n{number}")
    await service.caught_up(SeenNotes())
    counts: set[int] = set()

    async def read(stop: asyncio.Event) -> None:
        async with asyncpg.create_pool(service.database.api, min_size=1, max_size=1) as api:
            while not stop.is_set():
                async with api.acquire() as connection, connection.transaction():
                    await connection.execute("SELECT set_config('app.tenant', 'acme', true)")
                    counts.add(await connection.fetchval("SELECT count(*) FROM seen"))

    async with running(read):
        await service.rebuilt(SeenNotes(), batch=5)
    assert counts == {40}


async def test_the_new_table_is_protected_indexed_and_granted_like_the_old(service: Service) -> None:
    described = """
        SELECT c.relrowsecurity, c.relforcerowsecurity, c.relacl::text,
          ARRAY(SELECT pg_get_indexdef(indexrelid) FROM pg_index WHERE indrelid = c.oid ORDER BY 1),
          ARRAY(SELECT format('%s %s %s %s', polname, polcmd, polroles::regrole[], pg_get_expr(polqual, polrelid))
                FROM pg_policy WHERE polrelid = c.oid ORDER BY 1),
          ARRAY(SELECT format('%s %s', conname, pg_get_constraintdef(oid))
                FROM pg_constraint WHERE conrelid = c.oid ORDER BY 1)
        FROM pg_class c WHERE c.oid = 'read.seen'::regclass"""
    await service.as_owner("ALTER TABLE read.seen ADD COLUMN id bigint GENERATED ALWAYS AS IDENTITY")
    await service.as_owner("ALTER TABLE read.seen ADD CONSTRAINT seen_pk PRIMARY KEY (id)")
    await service.as_owner("CREATE UNIQUE INDEX seen_once ON read.seen (seq) WHERE note <> ''")

    class WithoutId(SeenNotes):
        async def apply(self, connection: Connection, events: Sequence[RecordedEvent | PublishedEvent]) -> None:
            await connection.executemany(
                "INSERT INTO seen (tenant_id, stream_id, version, seq, note) VALUES ('acme', $1, $2, $3, 'x')",
                [(event.stream_id, event.version, event.seq) for event in events if isinstance(event, RecordedEvent)],
            )

    await service.notes("a", "one")
    before = await service.pool.fetchrow(described)
    await service.rebuilt(WithoutId())
    assert await service.pool.fetchrow(described) == before
    assert before is not None
    assert before["relrowsecurity"]


async def test_an_event_that_cannot_be_applied_leaves_the_live_projection_alone(service: Service) -> None:
    await service.notes("a", "one", "poison")
    await service.caught_up(SeenNotes())
    with pytest.raises(RebuildFailed, match="poison"):
        await service.rebuilt(SeenNotes(poison=["poison"]))
    assert await notes_seen(service.pool) == ["one", "poison"]
    await service.notes("a", "three")
    await service.caught_up(SeenNotes())
    assert await notes_seen(service.pool) == ["one", "poison", "three"]


async def test_parked_events_are_taken_in_by_a_rebuild_with_a_handler_that_can(service: Service) -> None:
    await service.notes("sick", "poison", "behind")
    await service.notes("well", "fine")
    await service.caught_up(SeenNotes(poison=["poison"]))
    assert await notes_seen(service.pool) == ["fine"]
    await service.rebuilt(SeenNotes())
    assert await notes_seen(service.pool) == ["poison", "behind", "fine"]
    await service.notes("sick", "later")
    await service.caught_up(SeenNotes())
    assert await notes_seen(service.pool) == ["poison", "behind", "fine", "later"]


async def test_a_rebuild_may_be_repeated_and_the_old_tables_are_dropped_on_purpose(service: Service) -> None:
    await service.notes("a", "one")
    await service.caught_up(SeenNotes())
    await service.rebuilt(SeenNotes())
    await service.rebuilt(SeenNotes())
    assert await notes_seen(service.pool) == ["one"]
    assert await drop_old("seen", service.database.owner)
    assert not await drop_old("seen", service.database.owner)


async def test_a_reactor_is_never_rebuilt(service: Service) -> None:
    class Reactor(SeenNotes):
        reactor = True

    with pytest.raises(RebuildRefused, match="reactor"):
        await service.rebuilt(Reactor())


async def test_a_projection_that_names_no_tables_cannot_be_rebuilt(service: Service) -> None:
    class Nameless(SeenNotes):
        tables = ()

    with pytest.raises(RebuildRefused, match="does not name its tables"):
        await service.rebuilt(Nameless())


_TRIGGER = "suppress_redundant_updates_trigger"


@pytest.mark.parametrize(
    ("obstacle", "named"),
    [
        ("CREATE VIEW read.latest AS SELECT note FROM read.seen", "view .*latest"),
        (
            f"CREATE TRIGGER shout BEFORE UPDATE ON read.seen FOR EACH ROW EXECUTE FUNCTION {_TRIGGER}()",
            "trigger shout",
        ),
    ],
)
async def test_what_a_copy_would_not_have_is_refused(service: Service, obstacle: str, named: str) -> None:
    await service.as_owner(obstacle)
    with pytest.raises(CannotShadow, match=named):
        await service.rebuilt(SeenNotes())


async def test_what_another_service_published_is_rebuilt_from_its_feed(make_database: MakeDatabase) -> None:
    async with publisher_and_follower(make_database, None) as (publisher, follower):
        for number in range(30):
            await publisher.notes(f"s{number % 9}", f"n{number}")
        await publisher.notes("a", "secret")
        expected = [f"n{number}" for number in range(30)]
        async with follower.running(SeenNotes(), "feed"):
            await follower.has_seen(expected)
        done = await rebuild(
            SeenNotes(),
            FeedSource("notes", publisher.served.client),
            owner_dsn=follower.database.owner,
            worker_dsn=follower.database.worker,
            batch=10,
        )
        assert (done.position, dict(done.rows)) == (31, {"seen": (30, 30)})
        await publisher.notes("s0", "after")
        async with follower.running(SeenNotes(), "feed"):
            await follower.has_seen([*expected, "after"])
