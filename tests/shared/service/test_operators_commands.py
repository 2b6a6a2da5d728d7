"""What an operator types when something has stopped, on a real database: each thing needs a reason and is kept."""

import asyncio
import base64
import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from pydantic import SecretStr
from pydantic_settings import SettingsConfigDict
from support.databases import Database, MakeDatabase
from support.event_log import a_write, stream_id
from support.notes import SeenNotes, install_notes, notes_seen, worker_pool
from typer.testing import CliRunner, Result

from redress.eventlog.postgres import PostgresEventLog
from redress.eventlog.vault import Vault
from redress.messaging.log_source import LogSource
from redress.messaging.source import EpochChanged
from redress.ops.operations import OperationOrder, recorded
from redress.ops.settings import ServiceSettings
from redress.projections.parking import checkpoint_of
from redress.projections.rebuild import rebuild
from redress.projections.runner import Runner
from redress.service.connections import required
from redress.service.feature import Feature, Service
from redress.service.program import service_program

KEY = os.urandom(32)
EMAIL = "maria@kunde.example"


class NotesSettings(ServiceSettings):
    model_config = SettingsConfigDict(env_prefix="NOTES_")


@dataclass
class Notes:
    """A service whose read model can be made to fail, and its program."""

    database: Database
    vault: Database
    seen: SeenNotes = field(default_factory=SeenNotes)

    @asynccontextmanager
    async def consumers(self, settings: ServiceSettings) -> AsyncIterator[Sequence[Runner[Any]]]:
        dsn = required(settings.worker_database_url)
        async with PostgresEventLog.open(dsn) as log, worker_pool(self.database) as pool:
            yield [Runner(pool, self.seen, LogSource(log), pauses_s=(0.0,))]

    async def wrote(self, stream: str, *notes: str, after: int = 0) -> None:
        """The notes are stored, and the consumer has taken or parked them."""
        async with (
            PostgresEventLog.open(self.database.worker) as log,
            worker_pool(self.database) as pool,
        ):
            await log.append("acme", [a_write(stream, after, *notes)])
            await log.wait_for(await pool.fetchval("SELECT count(*) FROM es.event"), 5.0)
            runner = Runner(pool, self.seen, LogSource(log), pauses_s=(0.0,))
            await runner.open()
            await runner.catch_up()

    async def has_seen(self) -> list[str]:
        connection = await asyncpg.connect(self.database.worker)
        try:
            return await notes_seen(connection)
        finally:
            await connection.close()

    async def types(self, *words: str) -> Result:
        """The answer of the program in a process of its own, as far as the database can tell."""
        environment = {
            "NOTES_OWNER_DATABASE_URL": self.database.owner,
            "NOTES_WORKER_DATABASE_URL": self.database.worker,
            "NOTES_PORT": "9999",
            "VAULT_DATABASE_URL": self.vault.as_role("dispute_worker"),
            "VAULT_KEY": base64.b64encode(KEY).decode(),
            "CURSOR_KEY": "x" * 32,
            "ISSUER": "https://issuer.example",
            "JWKS_URL": "https://issuer.example/jwks",
        }
        service = Service(
            name="dispute-service",  # of a distribution that is installed
            about="",
            about_worker="",
            source="/redress/dispute-service/main",
            topic="notes",
            features=(Feature(name="notes", projections=lambda: (self.seen,)),),
            follows={},
            settings=NotesSettings,
            migrations=Path(),
        )
        program = service_program(service, consumers=lambda _, settings: self.consumers(settings))
        return await asyncio.to_thread(lambda: CliRunner().invoke(program, list(words), env=environment))

    async def operations(self) -> list[str]:
        """Without the times, the newest first."""
        listed = await self.types("operations", "list")
        return [line.partition(" ")[2] for line in listed.stdout.splitlines()]


@pytest.fixture
async def notes(make_database: MakeDatabase, monkeypatch: pytest.MonkeyPatch) -> Notes:
    monkeypatch.setattr("redress.service.program.configure_logs", lambda *_: None)
    return Notes(await make_database("dispute", prepare=install_notes), await make_database("vault"))


async def test_parked_events_are_listed_and_shown_and_released_in_order(notes: Notes) -> None:
    notes.seen.poison.add("poison")
    await notes.wrote("sick", "poison", "behind")
    await notes.wrote("well", "fine")

    listed = await notes.types("parked", "list")
    assert listed.exit_code == 1
    first, second = listed.stdout.splitlines()
    assert first.startswith(f"seen 1 stream {stream_id('sick')} of acme since ")
    assert first.endswith("5 tries: PoisonedError: poison")
    assert second.endswith("0 tries: waits behind an earlier event of its stream")
    shown = await notes.types("parked", "show", "seen", "1")
    assert "event     note-added schema 1, version 1 of note" in shown.stdout
    assert 'data      {"note":"poison"}' in shown.stdout

    still = await notes.types("parked", "release", "seen", "--reason", "perhaps it passes", "--operator", "anna")
    assert (still.exit_code, last_line(still)) == (1, "0 applied, 2 still parked")
    notes.seen.poison.clear()
    released = await notes.types("parked", "release", "seen", "--reason", "mended by 1.2.4", "--operator", "anna")
    assert (released.exit_code, last_line(released)) == (0, "2 applied, 0 still parked")
    assert await notes.has_seen() == ["poison", "behind", "fine"]
    assert (await notes.types("parked", "list")).stdout == "nothing is parked\n"
    assert await notes.operations() == [
        "anna: parked release consumer=seen; 2 applied, 0 still parked; reason: mended by 1.2.4",
        "anna: parked release consumer=seen; 0 applied, 2 still parked; reason: perhaps it passes",
    ]


async def test_two_operators_who_release_the_same_at_once_double_nothing(notes: Notes) -> None:
    notes.seen.poison.add("n0")
    await notes.wrote("sick", *(f"n{number}" for number in range(20)))
    notes.seen.poison.clear()

    async def released() -> None:
        async with notes.consumers(_settings(notes)) as (runner,):
            await runner.unpark(stream_id("sick"))

    await asyncio.gather(released(), released())
    assert await notes.has_seen() == [f"n{number}" for number in range(20)]


async def test_one_stream_is_released_and_the_others_stay(notes: Notes) -> None:
    notes.seen.poison.add("poison")
    await notes.wrote("a", "poison")
    await notes.wrote("b", "poison")
    notes.seen.poison.clear()
    answer = await notes.types("parked", "release", "seen", str(stream_id("a")), "--reason", "this one first")
    assert (answer.exit_code, last_line(answer)) == (1, "1 applied, 1 still parked")
    again = await notes.types("parked", "release", "seen", str(stream_id("a")), "--reason", "once more")
    assert (again.exit_code, again.stderr) == (1, f"seen has nothing parked of {stream_id('a')}\n")


async def test_only_the_oldest_event_of_a_stream_is_given_up_and_only_with_yes(notes: Notes) -> None:
    notes.seen.poison.add("poison")
    await notes.wrote("sick", "before", "poison", "behind")
    asked = await notes.types("parked", "discard", "seen", "2", "--reason", "the ERP has sent it again")
    assert asked.exit_code == 1
    assert asked.stderr.startswith("nothing was done. With --yes: seen will never apply event 2")
    younger = await notes.types("parked", "discard", "seen", "3", "--reason", "no", "--yes")
    assert younger.exit_code == 1
    assert younger.stderr.startswith("3 waits behind 2 of the same stream")
    done = await notes.types("parked", "discard", "seen", "2", "--reason", "the ERP has sent it again", "--yes")
    assert (done.exit_code, done.stdout) == (0, f"seen has given up event 2 of stream {stream_id('sick')}\n")
    assert len((await notes.types("parked", "list")).stdout.splitlines()) == 1
    assert (await notes.types("parked", "release", "seen", "--reason", "go on")).exit_code == 0
    assert await notes.has_seen() == ["before", "behind"]
    await notes.wrote("sick", "after", after=3)
    assert await notes.has_seen() == ["before", "behind", "after"]
    assert [line.partition(": ")[2].partition(";")[0] for line in await notes.operations()] == [
        "parked release consumer=seen",
        "parked discard consumer=seen seq=2",
        "parked discard consumer=seen seq=3",
    ]


async def test_the_key_of_a_customer_or_of_an_address_is_erased_and_the_address_is_not_kept(notes: Notes) -> None:
    async with Vault.open_at(notes.vault.as_role("dispute_worker"), KEY) as vault:
        person = vault.person_of_email("acme", EMAIL)
        by_address = await vault.seal("acme", person, "Maria")
        by_customer = await vault.seal("acme", "customer:C-1", "Muster GmbH")
        of_another = await vault.seal("globex", "customer:C-1", "Another")

    why = ("--tenant", "acme", "--reason", "request 17 under article 17")
    assert (await notes.types("erase", "--email", EMAIL, *why)).exit_code == 1
    assert (await notes.types("erase", "--email", EMAIL, *why, "--yes")).exit_code == 0
    assert (await notes.types("erase", "--customer", "C-1", *why, "--yes")).exit_code == 0
    again = await notes.types("erase", "--customer", "C-1", *why, "--yes")
    assert (again.exit_code, again.stderr) == (
        1,
        "customer:C-1 has no key in acme: nothing is sealed under that name, or it is erased already\n",
    )
    both = await notes.types("erase", "--customer", "C-1", "--email", EMAIL, *why, "--yes")
    assert both.exit_code == 2

    async with Vault.open_at(notes.vault.as_role("dispute_worker"), KEY) as vault:
        assert await vault.open_many("acme", [by_address, by_customer]) == [None, None]
        assert await vault.open("globex", of_another) == "Another"
    listed = (await notes.types("operations", "list", "--command", "erase")).stdout
    assert f"erase tenant=acme person={person}; the key is deleted" in listed
    assert EMAIL not in listed


async def test_old_tables_of_a_rebuild_are_dropped(notes: Notes) -> None:
    await notes.wrote("a", "one")
    async with PostgresEventLog.open(notes.database.worker) as log:
        await rebuild(notes.seen, LogSource(log), owner_dsn=notes.database.owner, worker_dsn=notes.database.worker)
    assert (await notes.types("drop-old", "seen", "--reason", "compared")).stdout == (
        "the old tables of seen are dropped\n"
    )
    assert (await notes.types("drop-old", "seen", "--reason", "compared")).stdout == "seen has no old tables\n"
    assert (await notes.types("drop-old", "es", "--reason", "compared")).exit_code == 2


async def test_a_declared_restore_takes_the_own_consumers_along_and_stops_those_of_others(notes: Notes) -> None:
    await notes.wrote("a", "one", "two")
    owner = await asyncpg.connect(notes.database.owner)
    try:
        old = await owner.fetchval("SELECT epoch FROM es.log_head")
        await owner.execute(
            "INSERT INTO es.consumer (name, service, log, shard, seq, epoch)"
            " VALUES ('seen', 'other', 'main', 0, 9, $1)",
            old,
        )
        async with worker_pool(notes.database):
            running = await notes.types("epoch", "declare", "--reason", "restored", "--yes")
        assert (running.exit_code, running.stderr) == (
            1,
            "still connected: dispute_worker; stop the service's API and worker first\n",
        )
        declared = await notes.types("epoch", "declare", "--reason", "restored to 10:00", "--yes")
        assert declared.exit_code == 0
        new = await owner.fetchval("SELECT epoch FROM es.log_head")
        assert new != old
        assert f"--epoch {new} --head 2" in declared.stdout
        epochs = await owner.fetch("SELECT service, epoch FROM es.consumer WHERE name = 'seen'")
        assert {row["service"]: row["epoch"] for row in epochs} == {"dispute-service": new, "other": old}
        await notes.wrote("a", "three", after=2)
        assert await notes.has_seen() == ["one", "two", "three"]
    finally:
        await owner.close()


async def test_a_consumer_goes_on_in_the_new_epoch_unless_it_has_applied_what_is_lost(notes: Notes) -> None:
    await notes.wrote("a", "one", "two")
    owner = await asyncpg.connect(notes.database.owner)
    try:
        # The own log stands for another service's: the consumer cannot tell.
        await owner.execute("UPDATE es.log_head SET epoch = 'restored'")
        with pytest.raises(EpochChanged):
            await notes.wrote("a", "three", after=2)
    finally:
        await owner.close()
    unsure = await notes.types(
        "epoch", "accept", "seen", "--epoch", "restored", "--head", "2", "--reason", "as declared"
    )
    assert unsure.exit_code == 1
    assert unsure.stderr.startswith("nothing was done. With --yes: seen follows epoch restored from now on")
    ahead = await notes.types(
        "epoch", "accept", "seen", "--epoch", "restored", "--head", "1", "--reason", "as declared", "--yes"
    )
    assert ahead.exit_code == 1
    assert ahead.stderr.startswith("seen has applied events up to 2, and the restored log ended at 1")
    accepted = await notes.types(
        "epoch", "accept", "seen", "--epoch", "restored", "--head", "2", "--reason", "as declared", "--yes"
    )
    assert accepted.stdout == "seen goes on from position 2 in epoch restored, within a minute\n"
    await notes.wrote("b", "four")
    assert await notes.has_seen() == ["one", "two", "three", "four"]
    unknown = await notes.types(
        "epoch", "accept", "sen", "--epoch", "e", "--head", "2", "--reason", "as declared", "--yes"
    )
    assert unknown.stderr == "sen is no consumer of this service\n"


@pytest.mark.parametrize("reason", [(), ("--reason", " "), ("--reason", "x" * 501)])
async def test_nothing_is_done_without_a_reason(notes: Notes, reason: tuple[str, ...]) -> None:
    assert (await notes.types("drop-old", "seen", *reason)).exit_code == 2
    assert await notes.operations() == []


async def test_an_operation_that_failed_is_kept_and_nobody_can_change_what_is_kept(notes: Notes) -> None:
    failed = await notes.types("parked", "discard", "seen", "7", "--reason", "a mistake", "--operator", "ben", "--yes")
    assert (failed.exit_code, failed.stderr) == (1, "seen has not parked 7\n")
    assert await notes.operations() == [
        "ben: parked discard consumer=seen seq=7; failed: seen has not parked 7; reason: a mistake"
    ]
    owner = await asyncpg.connect(notes.database.owner)
    try:
        for change in (
            "UPDATE es.operation SET reason = 'better'",
            "DELETE FROM es.operation",
            "TRUNCATE es.operation",
        ):
            with pytest.raises(asyncpg.PostgresError, match="append-only"):
                await owner.execute(change)
    finally:
        await owner.close()


async def test_an_operation_that_was_cut_off_stays_begun(notes: Notes) -> None:
    owner = await asyncpg.connect(notes.database.owner)
    order = OperationOrder(operator="ben", command="parked release", arguments={"consumer": "seen"}, reason="mended")
    with pytest.raises(OSError, match="the machine"):  # noqa: PT012 - the block is what fails
        async with recorded(owner, order):
            await owner.close()
            raise OSError("the machine goes down")
    assert await notes.operations() == ["ben: parked release consumer=seen; begun; reason: mended"]


async def test_trouble_is_said_in_one_line(notes: Notes) -> None:
    wrong = await notes.types("parked", "release", "sen", "--reason", "go on")
    assert (wrong.exit_code, wrong.stderr) == (1, "sen is none of seen\n")
    owner = await asyncpg.connect(notes.database.owner)
    try:
        await owner.execute("DROP TABLE es.operation")
    finally:
        await owner.close()
    old = await notes.types("drop-old", "seen", "--reason", "compared")
    assert old.exit_code == 1
    assert old.stderr.startswith("the schema is older than this program")
    assert old.stderr.count("\n") == 1


def test_a_topic_of_another_system_parks_by_partition_under_one_checkpoint() -> None:
    assert checkpoint_of("erp-topic:erp.payments.v1/3") == "erp-topic:erp.payments.v1"
    assert checkpoint_of("hold-keeper:dispute-service") == "hold-keeper:dispute-service"


def last_line(answer: Result) -> str:
    """What the command said; log lines, which the program leaves out, may stand before it in a test."""
    return answer.stdout.splitlines()[-1]


def _settings(notes: Notes) -> NotesSettings:
    return NotesSettings.model_construct(worker_database_url=SecretStr(notes.database.worker))
