"""What would be taken instead: the `eventsourcing` library and message-db's SQL function.

Both are used the way their documentation shows. message-db comes out of its npm package, into a cache folder.
"""

import asyncio
import os
import shutil
import subprocess
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import asyncpg
from eventsourcing.application import Application
from eventsourcing.dispatch import singledispatchmethod
from eventsourcing.domain import Aggregate, event
from eventsourcing.persistence import IntegrityError, StoredEvent, Tracking
from eventsourcing.postgres import PostgresDatastore, PostgresTrackingRecorder
from eventsourcing.projection import Projection, ProjectionRunner
from psycopg.sql import SQL

from bench.processes import Gate, Span
from bench.subject import sample_fields
from redress.ids import new_uuid

CONNECTIONS = 10  # asyncpg's default, for everybody who has a pool
MESSAGE_DB = "@eventide/message-db@1.3.1"
_CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "redress-bench"


class Account(Aggregate):
    """The same events and the same state as `subject.ACCOUNT`, in the library's own way."""

    @event("Opened")
    def __init__(self) -> None:
        self.events = 0
        self.amount_minor = 0

    @event("Assessed")
    def assess(  # noqa: PLR0917 - the library makes the event's fields out of the parameters
        self,
        dispute: str,  # noqa: ARG002
        invoice: str,  # noqa: ARG002
        reason: str,  # noqa: ARG002
        amount_minor: int,
        currency: str,  # noqa: ARG002
        explanation: str,  # noqa: ARG002
        lines: list[int],  # noqa: ARG002
        by: str,  # noqa: ARG002
    ) -> None:
        self.events += 1
        self.amount_minor += amount_minor


class Eventsourcing:
    """An application of the library on a database of its own. Its calls block, so writers are threads."""

    def __init__(self, dsn: str, *, database_functions: bool = False) -> None:
        self.application: Application[UUID] = Application(env=_environment(dsn, database_functions=database_functions))
        self._fields: dict[str, Any] = sample_fields()
        account = Account()
        account.assess(**self._fields)
        self._opened, self._assessed = map(self.application.mapper.to_stored_event, account.collect_events())

    def close(self) -> None:
        self.application.close()

    @property
    def stored(self) -> tuple[str, tuple[str, bytes], tuple[str, bytes]]:
        """Its table, and topic and state of a stored opening and of a stored assessment."""
        table: str = self.application.recorder.events_table_name
        opened, assessed = self._opened, self._assessed
        return table, (opened.topic, opened.state), (assessed.topic, assessed.state)

    def insert(self, events: int = 1) -> UUID:
        """New stream, by the application recorder alone: nothing of the aggregate layer is paid for."""
        stream = new_uuid()
        self.application.recorder.insert_events(
            [
                StoredEvent(stream, version, stored.topic, stored.state)
                for version, stored in enumerate((self._opened, *([self._assessed] * (events - 1))), 1)
            ]
        )
        return stream

    def new_account(self, events: int = 0) -> UUID:
        account = Account()
        self.application.save(account)
        for number in range(1, events + 1):
            account.assess(**self._fields)
            if number % 200 == 0:  # the driver hangs on batches of several MB
                self.application.save(account)
        self.application.save(account)
        stream: UUID = account.id
        return stream

    def command(self, stream: UUID) -> int:
        """Load, decide, append; from the start again when another was faster. How many times it was tried."""
        tried = 0
        while True:
            tried += 1
            account: Account = self.application.repository.get(stream)
            account.assess(**self._fields)
            try:
                self.application.save(account)
            except IntegrityError:
                continue
            return tried

    def load(self, stream: UUID) -> Account:
        account: Account = self.application.repository.get(stream)
        return account

    def fold_log(self) -> int:
        """The state of every account out of the whole log, read in pages. How many events it has."""
        start: int | None = None
        events = 0
        accounts: dict[UUID, Account] = {}
        mapper = self.application.mapper
        while True:
            page = self.application.recorder.select_notifications(start, 1000, inclusive_of_start=False)
            if not page:
                return events
            for notification in page:
                accounts[notification.originator_id] = mapper.to_domain_event(notification).mutate(
                    accounts.get(notification.originator_id)
                )
            events += len(page)
            start = page[-1].id


def _environment(dsn: str, *, database_functions: bool = False) -> dict[str, str]:
    parts = urlsplit(dsn)
    return {
        "PERSISTENCE_MODULE": "eventsourcing.postgres",
        "POSTGRES_DBNAME": parts.path.lstrip("/"),
        "POSTGRES_HOST": parse_qs(parts.query)["host"][0],
        "POSTGRES_PORT": "5432",
        "POSTGRES_USER": parts.username or "",
        "POSTGRES_PASSWORD": "",
        "POSTGRES_POOL_SIZE": str(CONNECTIONS),
        "POSTGRES_MAX_OVERFLOW": "0",
        "POSTGRES_ENABLE_DB_FUNCTIONS": "y" if database_functions else "n",
    }


class Balances(PostgresTrackingRecorder):
    """A materialised view as the library's documentation builds one: the row and the tracking in one transaction."""

    def __init__(self, datastore: PostgresDatastore, **settings: Any) -> None:
        super().__init__(datastore, **settings)
        self.sql_create_statements.append(
            SQL("CREATE TABLE IF NOT EXISTS balance (account uuid PRIMARY KEY, version bigint, amount_minor bigint)")
        )

    def add(self, account: UUID, version: int, amount_minor: int, tracking: Tracking) -> None:
        with self.datastore.transaction(commit=True) as cursor:
            self._insert_tracking(cursor, tracking)
            cursor.execute(
                "INSERT INTO balance AS b VALUES (%s, %s, %s) ON CONFLICT (account) DO UPDATE"
                " SET version = excluded.version, amount_minor = b.amount_minor + excluded.amount_minor",
                (account, version, amount_minor),
                prepare=True,
            )


class BalanceProjection(Projection[Balances]):
    name = "balances"

    @singledispatchmethod
    def process_event(self, domain_event: object, tracking: Tracking) -> None:
        raise NotImplementedError(type(domain_event))

    @process_event.register
    def opened(self, domain_event: Account.Opened, tracking: Tracking) -> None:
        self.view.add(domain_event.originator_id, domain_event.originator_version, 0, tracking)

    @process_event.register
    def assessed(self, domain_event: Account.Assessed, tracking: Tracking) -> None:
        amount_minor = domain_event.amount_minor
        self.view.add(domain_event.originator_id, domain_event.originator_version, amount_minor, tracking)


async def project_balances(gate: Gate, dsn: str, events: int) -> Span:
    """Its ProjectionRunner from the beginning of a log of so many events to its end; in a process of its own."""
    environment = _environment(dsn)
    application = Application[UUID](env=environment)
    with application.recorder.datastore.transaction(commit=True) as cursor:  # forget what an earlier round projected
        cursor.execute("DROP TABLE IF EXISTS balance, balances_tracking, notification_tracking")
    last = application.recorder.max_notification_id()
    application.close()
    await gate()
    begun = time.monotonic()
    with ProjectionRunner(
        application_class=Application[UUID], projection_class=BalanceProjection, view_class=Balances, env=environment
    ) as runner:
        await asyncio.to_thread(runner.wait, last, 120.0)
        ended = time.monotonic()
    return Span(begun, ended)


async def in_threads(threads: int, work: Callable[[], int]) -> int:
    """The sum of what `work()` returns in each thread."""
    with ThreadPoolExecutor(threads) as executor:
        loop = asyncio.get_running_loop()
        return sum(await asyncio.gather(*(loop.run_in_executor(executor, work) for _ in range(threads))))


# Its install script's files in its order. Left out: pgcrypto (gen_random_uuid has been PostgreSQL's own since 13, and
# the embedded one has no extensions), its role, views and privileges.
_MESSAGE_DB_FILES = (
    "schema/message-store",
    "tables/messages",
    "types/message",
    *(f"functions/{name}" for name in ("message-store-version", "hash-64", "acquire-lock", "category", "is-category")),
    *(f"functions/{name}" for name in ("id", "cardinal-id", "stream-version", "write-message")),
    *(f"indexes/messages-{name}" for name in ("id", "stream", "category")),
)


async def install_message_db(dsn: str) -> None:
    """message-db's tables and functions, into an empty database."""
    package = await asyncio.to_thread(_message_db_package)
    connection = await asyncpg.connect(dsn, server_settings={"search_path": "message_store,public"})
    try:
        for name in _MESSAGE_DB_FILES:
            await connection.execute((package / "database" / f"{name}.sql").read_text())
    finally:
        await connection.close()


def _message_db_package() -> Path:
    folder = _CACHE / "message-db"
    package = folder / "node_modules" / "@eventide" / "message-db"
    if not package.exists():
        npm = shutil.which("npm")
        if npm is None:
            raise RuntimeError("npm is needed to fetch message-db")
        folder.mkdir(parents=True, exist_ok=True)
        subprocess.run(
            [npm, "install", "--silent", "--ignore-scripts", "--no-save", "--prefix", str(folder), MESSAGE_DB],
            check=True,
            timeout=120,
        )
    return package
