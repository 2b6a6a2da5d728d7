"""The databases and roles of a deployment, made or brought up to date by one idempotent job.

One cluster, four databases. Group roles say what may be done (`redress_owner` owns the schemas, `redress_app` appends
and reads its tenant, `redress_worker` follows the log); login roles say where: `dispute_api` is in `redress_app`, and
may connect to `dispute` and to the vault only. The limits on time stand at the roles: no program can forget them.
"""

import asyncio
import os
import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from redress.eventlog import vault

SERVICES: Final = ("dispute", "collections", "notification")
VAULT: Final = "vault"
DATABASES: Final = (*SERVICES, VAULT)
SEARCH_PATH: Final = "read, es"
VAULT_SEARCH_PATH: Final = "vault"

_GROUPS = {"owner": "redress_owner", "api": "redress_app", "worker": "redress_worker"}
_LIMITS: Mapping[str, Mapping[str, str]] = {
    # A person waits for the answer: better a clear failure than a pile of waiting requests.
    "api": {
        "statement_timeout": "5s",
        "lock_timeout": "2s",
        "transaction_timeout": "10s",
        "idle_in_transaction_session_timeout": "3s",
    },
    # A batch of a projection may take longer, but a stuck one must let go of its checkpoint.
    "worker": {
        "statement_timeout": "30s",
        "lock_timeout": "5s",
        "transaction_timeout": "60s",
        "idle_in_transaction_session_timeout": "10s",
    },
    # Migrations, verification and rebuilds take as long as they take, but never queue behind traffic for long.
    "owner": {"lock_timeout": "10s", "idle_in_transaction_session_timeout": "60s"},
}
_NAME = re.compile(r"[a-z][a-z0-9_]{0,40}")
_BOOTSTRAP_LOCK = 7_305_001


def login_roles(database: str) -> tuple[str, ...]:
    """The login roles that belong to a database: `dispute_owner`, `dispute_api`, `dispute_worker`; `vault_owner`."""
    return ("vault_owner",) if database == VAULT else tuple(f"{database}_{kind}" for kind in _GROUPS)


async def bootstrap(superuser_dsn: str, *, prefix: str = "", passwords: Mapping[str, str] | None = None) -> None:
    """Make every role and database that is missing and set what is different; a second run changes nothing.

    Database names get `prefix`, roles do not (they belong to the cluster). `passwords` maps login roles to passwords;
    a role without one can only log in where the server trusts it.
    """
    connection = await asyncpg.connect(superuser_dsn)
    try:
        await connection.execute("SELECT pg_advisory_lock($1)", _BOOTSTRAP_LOCK)
        await create_roles(connection, passwords or {})
        for database in DATABASES:
            await create_database(connection, prefix + database, like=database)
    finally:
        await connection.close()
    await create_vault_tables(_in_database(superuser_dsn, prefix + VAULT))


async def create_roles(connection: asyncpg.Connection, passwords: Mapping[str, str]) -> None:
    """The group roles and the login roles with their limits."""
    for group in _GROUPS.values():
        await _create_role(connection, group, "NOLOGIN")
    for database in DATABASES:
        for role in login_roles(database):
            kind = role.rpartition("_")[2]
            await _create_role(connection, role, "LOGIN")
            await connection.execute(f"GRANT {_GROUPS[kind]} TO {role}")
            for setting, value in _LIMITS[kind].items():
                await connection.execute(f"ALTER ROLE {role} SET {setting} = '{value}'")
            if role in passwords:
                await connection.execute(f"ALTER ROLE {role} PASSWORD {_literal(passwords[role])}")


async def create_database(connection: asyncpg.Connection, name: str, *, like: str, template: str = "template0") -> None:
    """The database `name` with the rights of the database `like` of `DATABASES`, copied from `template` if it is new.

    Only the roles that belong there may connect. Objects that the owner role creates belong to `redress_owner`.
    """
    if not _NAME.fullmatch(name):
        raise ValueError(f"{name!r} is not a database name")
    if not await connection.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", name):
        # PostgreSQL's own locale: names sort alike in every deployment, whatever the image's operating system offers.
        locale = "ENCODING 'UTF8' LOCALE_PROVIDER builtin BUILTIN_LOCALE 'C.UTF-8' LOCALE 'C'"
        options = locale if template == "template0" else ""
        await connection.execute(f"CREATE DATABASE {name} TEMPLATE {template} {options}")
    owner = f"{like}_owner"
    search_path = VAULT_SEARCH_PATH if like == VAULT else SEARCH_PATH
    callers = [role for database in SERVICES for role in login_roles(database)] if like == VAULT else []
    connecting = [*login_roles(like), *(role for role in callers if not role.endswith("_owner"))]
    await connection.execute(
        f"REVOKE ALL ON DATABASE {name} FROM PUBLIC;"
        f"GRANT CONNECT ON DATABASE {name} TO {', '.join(connecting)};"
        f"GRANT CREATE, TEMPORARY ON DATABASE {name} TO {_GROUPS['owner']};"
        f"ALTER DATABASE {name} SET search_path = {search_path};"
        f"ALTER ROLE {owner} IN DATABASE {name} SET role = {_GROUPS['owner']};"
    )


async def create_vault_tables(superuser_dsn: str) -> None:
    """The key table of the vault, in the database that the address names. The vault has no service to migrate it."""
    connection = await asyncpg.connect(superuser_dsn)
    try:
        async with connection.transaction():
            await connection.execute("SELECT pg_advisory_xact_lock($1)", _BOOTSTRAP_LOCK)
            await connection.execute("SET LOCAL ROLE redress_owner")
            await connection.execute("CREATE SCHEMA IF NOT EXISTS vault")
            await connection.execute("GRANT USAGE ON SCHEMA vault TO redress_app, redress_worker")
            await connection.execute(vault.SCHEMA)
    finally:
        await connection.close()


async def _create_role(connection: asyncpg.Connection, role: str, login: str) -> None:
    if not await connection.fetchval("SELECT 1 FROM pg_roles WHERE rolname = $1", role):
        await connection.execute(f"CREATE ROLE {role}")
    await connection.execute(f"ALTER ROLE {role} {login} NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS")


def _in_database(dsn: str, database: str) -> str:
    return urlunsplit(urlsplit(dsn)._replace(path=f"/{database}"))


def _literal(text: str) -> str:
    """A quoted SQL literal: PASSWORD takes no bound parameter."""
    return "'" + text.replace("'", "''") + "'"


def main() -> None:
    """`python -m redress.ops.databases`: the one-shot job of a deployment.

    DATABASE_URL is the superuser's; `<ROLE>_PASSWORD` (DISPUTE_API_PASSWORD, …) gives a login role its password.
    """
    url = os.environ.get("DATABASE_URL")
    if not url:
        raise SystemExit("DATABASE_URL is missing: the address of the cluster's superuser")
    roles = [role for database in DATABASES for role in login_roles(database)]
    passwords = {role: os.environ[name] for role in roles if (name := f"{role.upper()}_PASSWORD") in os.environ}
    asyncio.run(bootstrap(url, passwords=passwords))


if __name__ == "__main__":
    main()
