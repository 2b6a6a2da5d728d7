"""Fresh databases for tests: bootstrapped like in a deployment, copied from a migrated template."""

import hashlib
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from io import BytesIO
from itertools import count
from typing import Self
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from redress.ops.databases import DATABASES, create_database, create_roles, create_vault_tables, login_roles


@dataclass(frozen=True)
class Cluster:
    """A PostgreSQL whose superuser we are. `passwords` is empty where the socket is trusted."""

    superuser_dsn: str
    passwords: dict[str, str]

    def dsn(self, database: str, role: str | None = None) -> str:
        """The address of a database for a login role, or for the superuser."""
        parts = urlsplit(self.superuser_dsn)
        place = parts.netloc.rpartition("@")[2]
        who = parts.netloc.rpartition("@")[0]
        if role is not None:
            who = f"{role}:{self.passwords[role]}" if role in self.passwords else role
        return urlunsplit(parts._replace(netloc=f"{who}@{place}", path=f"/{database}"))


@dataclass(frozen=True)
class Database:
    """One database of a service: `like` is dispute, collections, notification or vault."""

    cluster: Cluster
    name: str
    like: str

    @property
    def superuser(self) -> str:
        return self.cluster.dsn(self.name)

    @property
    def owner(self) -> str:
        """Migrations, verify and rebuild."""
        return self.cluster.dsn(self.name, f"{self.like}_owner")

    @property
    def api(self) -> str:
        return self.cluster.dsn(self.name, f"{self.like}_api")

    @property
    def worker(self) -> str:
        return self.cluster.dsn(self.name, f"{self.like}_worker")

    def as_role(self, role: str) -> str:
        """For a role of another service, which the vault lets in: `dispute_api`."""
        return self.cluster.dsn(self.name, role)


Prepare = Callable[[Database], Awaitable[None]]


@dataclass(frozen=True)
class Contents:
    """The rows and sequences that a prepared database begins with, and a fingerprint of its schema."""

    rows: dict[str, bytes]
    sequences: dict[str, tuple[int, bool]]
    schema: str

    @classmethod
    async def of(cls, connection: asyncpg.Connection) -> Self:
        rows: dict[str, bytes] = {}
        for schema, table in await connection.fetch(_TABLES):
            into = BytesIO()
            await connection.copy_from_table(table, schema_name=schema, output=into, format="binary")
            rows[f"{schema}.{table}"] = into.getvalue()
        sequences: dict[str, tuple[int, bool]] = {}
        for (name,) in await connection.fetch(_SEQUENCES):
            ((last, called),) = await connection.fetch(f"SELECT last_value, is_called FROM {name}")
            sequences[name] = last, called
        return cls(rows, sequences, await schema_of(connection))

    async def put_back(self, connection: asyncpg.Connection) -> bool:
        """Everything is as it was, but for dead rows. False, and nothing was done, where the schema is another one."""
        if await schema_of(connection) != self.schema:
            return False
        # The triggers that keep the log append-only keep silent for a superuser who says that he copies.
        await connection.execute("SET session_replication_role = replica; SET lock_timeout = '2s'")
        async with connection.transaction():
            await connection.execute(";".join(f"DELETE FROM {table}" for table in self.rows))
            for name, rows in self.rows.items():
                schema, _, table = name.partition(".")
                if len(rows) > _EMPTY_COPY:
                    await connection.copy_to_table(table, schema_name=schema, source=BytesIO(rows), format="binary")
            for name, (last, called) in self.sequences.items():
                await connection.execute("SELECT setval($1::text::regclass, $2, $3)", name, last, called)
        return True


_EMPTY_COPY = 21  # a header of 19 bytes and a trailer of 2
_OURS = "n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'"
_TABLES = f"""
SELECT quote_ident(n.nspname), quote_ident(c.relname) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'r' AND {_OURS} ORDER BY 1, 2
"""
_SEQUENCES = f"""
SELECT quote_ident(n.nspname) || '.' || quote_ident(c.relname) FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind = 'S' AND {_OURS} ORDER BY 1
"""


async def schema_of(connection: asyncpg.Connection) -> str:
    """Changes with every change of a table, column, right, policy, function, trigger or constraint."""
    catalogues = {
        "pg_namespace": "oid",
        "pg_class": "oid",
        "pg_attribute": "attrelid, attnum",
        "pg_proc": "oid",
        "pg_trigger": "oid",
        "pg_policy": "oid",
        "pg_constraint": "oid",
    }
    each = [
        f"(SELECT md5(string_agg(({keys}, xmin)::text, ';' ORDER BY {keys})) FROM {name}"
        f" WHERE {keys.partition(',')[0]} >= 16384)"
        for name, keys in catalogues.items()
    ]
    return str(await connection.fetchval(f"SELECT concat_ws(' ', {', '.join(each)})"))


class MakeDatabase:
    """`await make_database("dispute", prepare=migrate)`: a fresh database in a tenth of a second.

    `prepare` runs once per session, on the template; it has to close its connections.
    """

    def __init__(self, cluster: Cluster, prefix: str) -> None:
        self._cluster = cluster
        self._prefix = prefix
        self._number = count(1)
        self._templates: dict[tuple[str, Prepare], str] = {}
        self._contents: dict[tuple[str, Prepare], Contents] = {}
        self._idle: defaultdict[tuple[str, Prepare], list[Database]] = defaultdict(list)
        self._roles_made = False
        self._made: list[str] = []

    async def __call__(self, like: str, prepare: Prepare | None = None) -> Database:
        connection = await asyncpg.connect(self._cluster.superuser_dsn)
        try:
            if not self._roles_made:
                await create_roles(connection, self._cluster.passwords)
                self._roles_made = True
            template = "template0"
            if prepare is not None:
                key = (like, prepare)
                if key not in self._templates:
                    made = await self._create(connection, like, "template0")
                    await prepare(made)
                    self._templates[key] = made.name
                    self._contents[key] = await self._look_into(made)
                template = self._templates[key]
            return await self._create(connection, like, template)
        finally:
            await connection.close()

    @asynccontextmanager
    async def lent(self, like: str, prepare: Prepare) -> AsyncIterator[Database]:
        """A database that is as good as fresh, and lent again to somebody else after the block.

        Copying a template costs ten times as much as emptying the copy, and the copies of a whole run are 700,000
        files. One whose schema was changed, or in which something stays locked, is not lent again.
        """
        key = (like, prepare)
        database = self._idle[key].pop() if self._idle[key] else await self(like, prepare)
        yield database
        if await self._emptied(database, self._contents[key]):
            self._idle[key].append(database)

    async def _emptied(self, database: Database, contents: Contents) -> bool:
        connection = await asyncpg.connect(database.superuser)
        try:
            await connection.execute(_END_OTHERS)
            return await contents.put_back(connection)
        except (asyncpg.LockNotAvailableError, asyncpg.DeadlockDetectedError):
            return False
        finally:
            await connection.close()

    async def _look_into(self, database: Database) -> Contents:
        connection = await asyncpg.connect(database.superuser)
        try:
            return await Contents.of(connection)
        finally:
            await connection.close()

    async def _create(self, connection: asyncpg.Connection, like: str, template: str) -> Database:
        name = f"{self._prefix}{next(self._number)}_{like}"
        self._made.append(name)
        await create_database(connection, name, like=like, template=template)
        made = Database(self._cluster, name, like)
        if like == "vault" and template == "template0":
            await create_vault_tables(made.superuser)
        return made

    async def drop_all(self) -> None:
        """Leave somebody's own cluster as it was found (but for the roles)."""
        connection = await asyncpg.connect(self._cluster.superuser_dsn)
        try:
            for name in self._made:
                await drop_database(connection, name)
        finally:
            await connection.close()


_END_OTHERS = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
"""


def external_cluster(superuser_dsn: str) -> Cluster:
    """A cluster that was given by DATABASE_URL: the login roles get passwords made out of the superuser's address."""
    return Cluster(superuser_dsn, derived_passwords(superuser_dsn))


async def drop_database(connection: asyncpg.Connection, name: str) -> None:
    """Drop a database and end the sessions in it; nothing happens if there is none."""
    await connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


def derived_passwords(secret: str) -> dict[str, str]:
    """A password for every login role out of one secret."""
    roles = [role for database in DATABASES for role in login_roles(database)]
    return {role: hashlib.sha256(f"{secret}:{role}".encode()).hexdigest()[:32] for role in roles}
