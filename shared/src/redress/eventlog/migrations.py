"""Alembic, the same way for every service: `upgrade` runs a service's migrations as its owner, as a job of its own."""

import asyncio
import re
from importlib import resources
from pathlib import Path
from typing import Any

from alembic import command, context, op
from alembic.config import Config
from sqlalchemy import Connection, MetaData, pool, text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.util import await_only

LOCK = 7004  # two migration jobs at once: the second waits and finds nothing to do


async def upgrade(owner_dsn: str, migrations: Path, revision: str = "head") -> None:
    """Bring the database to `revision`. `owner_dsn` is an asyncpg DSN of a member of redress_owner."""
    config = Config()
    config.set_main_option("script_location", str(migrations).replace("%", "%%"))
    engine = create_async_engine(_sqlalchemy_url(owner_dsn), poolclass=pool.NullPool)
    try:
        async with engine.connect() as connection:
            await connection.run_sync(_upgrade, config, revision)
    finally:
        await engine.dispose()


def run_environment(metadata: MetaData | None = None) -> None:
    """The body of a service's migrations/env.py. It works inside `upgrade` only: there is no second way to migrate."""
    connection: Connection = context.config.attributes["connection"]
    context.configure(connection=connection, target_metadata=metadata, version_table_schema="es")
    context.run_migrations()


def log_script(name: str) -> str:
    """One of the log's own scripts, in the order of migrations: `schema`, `schema_batched_reads`, `schema_0_2`,
    `schema_documents`, `schema_operations`, `schema_legal_entities`."""
    return resources.files("redress.eventlog").joinpath(f"{name}.sql").read_text("utf-8")


def install_event_log() -> None:
    """Install the log's schema, owned by redress_owner. A service's first migration calls this."""
    execute_script(log_script("schema"))


def bring_event_log_to_0_2(service: str) -> None:
    """One clock, larger appends, and the log learns that it is `service`'s: its marks and its readers name it."""
    execute_script(naming_script(service) + log_script("schema_0_2"))


def naming_script(service: str) -> str:
    """The statements before `schema_0_2`: the owner of this log."""
    if not re.fullmatch(r"[a-z][a-z-]*", service):
        raise ValueError(f"{service!r} is not the name of a service")
    return f"SELECT set_config('redress.service', '{service}', true);\n"


def execute_script(script: str) -> None:
    """Run SQL of several statements in the migration's transaction."""
    op.execute(text("SELECT 1"))  # makes SQLAlchemy begin its transaction before we go past it to the driver
    driver: Any = op.get_bind().connection.driver_connection
    await_only(driver.execute(script))


def _upgrade(connection: Connection, config: Config, revision: str) -> None:
    connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
    connection.execute(text("SET LOCAL ROLE redress_owner"))
    connection.execute(text("CREATE SCHEMA IF NOT EXISTS es"))
    config.attributes["connection"] = connection
    command.upgrade(config, revision)
    connection.commit()


def _sqlalchemy_url(dsn: str) -> str:
    for scheme in ("postgresql://", "postgres://"):
        if dsn.startswith(scheme):
            return "postgresql+asyncpg://" + dsn.removeprefix(scheme)
    raise ValueError("the database address must begin with postgresql://")


def main(owner_dsn: str, migrations: Path) -> None:
    asyncio.run(upgrade(owner_dsn, migrations))
