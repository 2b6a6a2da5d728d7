"""Fresh databases for tests: bootstrapped like in a deployment, copied from a migrated template."""

import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from itertools import count
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


class MakeDatabase:
    """`await make_database("dispute", prepare=migrate)`: a fresh database in some ten milliseconds.

    `prepare` runs once per session, on the template; it has to close its connections.
    """

    def __init__(self, cluster: Cluster, prefix: str) -> None:
        self._cluster = cluster
        self._prefix = prefix
        self._number = count(1)
        self._templates: dict[tuple[str, Prepare], str] = {}
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
                template = self._templates[key]
            return await self._create(connection, like, template)
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
