"""The services as processes of their own, set up as `make run` does it, on databases of the stand."""

import base64
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import ModuleType

from support.databases import Database
from support.issuer import AUDIENCE, Issuer
from support.running_service import with_vault

import collections_service
import dispute_service
import notification_service
from bench.databases import Stand
from bench.processes import free_port, serving
from redress.eventlog.migrations import upgrade

CURSOR_KEY = "a-key-for-measuring-only"
_VAULT_KEY = base64.b64encode(os.urandom(32)).decode()


def _migrations(service: ModuleType) -> Path:
    assert service.__file__ is not None
    return Path(service.__file__).parent / "migrations"


async def dispute_tables(database: Database) -> None:
    await upgrade(database.owner, _migrations(dispute_service))


async def collections_tables(database: Database) -> None:
    await upgrade(database.owner, _migrations(collections_service))


async def notification_tables(database: Database) -> None:
    await upgrade(database.owner, _migrations(notification_service))


async def environment(stand: Stand, issuer: Issuer, database: Database, port: int) -> dict[str, str]:
    """What the processes of the service that `database` belongs to are told. The services follow feeds, of which there
    are none here; the worker's own health is on the same port as an API's, so only one of the two can run with it."""
    own = database.like
    nowhere = "http://127.0.0.1:9"
    vault = await stand.make("vault", prepare=with_vault)
    return {
        f"{own.upper()}_DATABASE_URL": database.api,
        f"{own.upper()}_WORKER_DATABASE_URL": database.worker,
        f"{own.upper()}_PORT": str(port),
        f"{own.upper()}_WORKER_PORT": str(port),
        f"{own.upper()}_CLIENT_ID": f"{own}-service",
        f"{own.upper()}_CLIENT_SECRET": "not asked for",
        "TOKEN_URL": f"{nowhere}/token",
        "DISPUTE_URL": nowhere,
        "COLLECTIONS_URL": nowhere,
        "SMTP_HOST": "127.0.0.1",
        "MAIL_FROM": "Accounts Receivable <ar@seller.example>",
        "VAULT_DATABASE_URL": vault.as_role(f"{own}_api"),
        "VAULT_KEY": _VAULT_KEY,
        "CURSOR_KEY": CURSOR_KEY,
        "TRANSPORT": "feed",
        "ISSUER": issuer.iss,
        "JWKS_URL": issuer.jwks_url,
        "AUDIENCE": AUDIENCE,
    }


@asynccontextmanager
async def api(stand: Stand, issuer: Issuer, database: Database) -> AsyncIterator[tuple[int, int]]:
    """The API of the service that `database` belongs to. Its port and its process id."""
    port = free_port()
    settings = await environment(stand, issuer, database, port)
    async with serving(port, f"{database.like}_service", "api", env=settings) as process:
        yield port, process.pid
