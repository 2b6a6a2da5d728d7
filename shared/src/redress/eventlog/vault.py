"""Keys of persons. What is personal stands in events, topics and feeds only sealed with its person's key; deleting
the key erases it everywhere at once, and every hash stays valid because it covers the sealed bytes.

The keys live in a database of their own (short backups), each wrapped with a master key from the settings.
"""

import asyncio
import base64
import hashlib
import hmac
import os
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

import asyncpg
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from redress.contracts.common import Sealed

NONCE_BYTES = 12
KEY_BYTES = 32
CACHED_KEYS = 10_000
CACHED_FOR_S = 60.0  # an erasure reaches every process within this time
MAX_TEXT_CHARACTERS = 20_000

SCHEMA = """
CREATE SCHEMA IF NOT EXISTS vault;
CREATE TABLE IF NOT EXISTS vault.person_key (
  tenant_id text NOT NULL,
  person text NOT NULL,
  wrapped_key bytea NOT NULL,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (tenant_id, person)
);
GRANT USAGE ON SCHEMA vault TO redress_app, redress_worker;
GRANT SELECT, INSERT, DELETE ON vault.person_key TO redress_app, redress_worker;
"""


class Vault:
    """Seals and opens personal text. Make it with `Vault.open_at`."""

    def __init__(self, pool: asyncpg.Pool, master_key: bytes) -> None:
        if len(master_key) != KEY_BYTES:
            raise ValueError(f"the master key must have {KEY_BYTES} bytes")
        self._pool = pool
        self._master = AESGCM(master_key)
        self._blind = hmac.new(master_key, b"person", hashlib.sha256).digest()
        self._keys: OrderedDict[tuple[str, str], tuple[float, AESGCM]] = OrderedDict()

    @classmethod
    @asynccontextmanager
    async def open_at(cls, dsn: str, master_key: bytes) -> AsyncIterator["Vault"]:
        """Connect to the key database. ValueError for a master key of the wrong size."""
        pool = await asyncpg.create_pool(dsn, min_size=0, max_size=4, command_timeout=5.0)
        try:
            yield cls(pool, master_key)
        finally:
            pool.terminate()

    def person_of_email(self, tenant_id: str, email: str) -> str:
        """The pseudonym of the person with this address: the same address always gives the same one, and it cannot be
        turned back or guessed without the master key."""
        digest = hmac.new(self._blind, f"{tenant_id}\x1f{email.strip().lower()}".encode(), hashlib.sha256).digest()
        return "person:" + base64.b32encode(digest[:15]).decode().lower()

    async def seal(self, tenant_id: str, person: str, text: str) -> Sealed:
        """The text under the person's key, which is made if there is none. ValueError if the text is too long."""
        if len(text) > MAX_TEXT_CHARACTERS:
            raise ValueError(f"at most {MAX_TEXT_CHARACTERS} characters can be sealed")
        (key,) = await self._keys_of(tenant_id, [person], create=True)
        if key is None:
            raise RuntimeError("a key was neither found nor made")
        nonce = os.urandom(NONCE_BYTES)
        return Sealed(person, nonce + key.encrypt(nonce, text.encode(), _bound_to(tenant_id, person)))

    async def open(self, tenant_id: str, sealed: Sealed) -> str | None:
        """The text; None if the person was erased."""
        (text,) = await self.open_many(tenant_id, [sealed])
        return text

    async def open_many(self, tenant_id: str, sealed: Iterable[Sealed]) -> list[str | None]:
        """The texts in order, with one question to the key database. None for each erased one."""
        boxes = list(sealed)
        keys = await self._keys_of(tenant_id, [box.person for box in boxes], create=False)
        return [_opened(tenant_id, box, key) for box, key in zip(boxes, keys, strict=True)]

    async def erase(self, tenant_id: str, person: str) -> bool:
        """Delete the person's key for ever. False if there was none. Other processes follow within a minute."""
        self._keys.pop((tenant_id, person), None)
        done = await self._pool.execute(
            "DELETE FROM vault.person_key WHERE tenant_id = $1 AND person = $2", tenant_id, person
        )
        return bool(done == "DELETE 1")

    async def _keys_of(self, tenant_id: str, persons: list[str], *, create: bool) -> list[AESGCM | None]:
        now = time.monotonic()
        missing = {p for p in persons if (held := self._keys.get((tenant_id, p))) is None or held[0] < now}
        if missing:
            names = sorted(missing)
            if create:
                wrapped = [self._wrap(tenant_id, p) for p in names]
                rows = await self._pool.fetch(
                    "WITH made AS (INSERT INTO vault.person_key (tenant_id, person, wrapped_key)"
                    " SELECT $1, * FROM unnest($2::text[], $3::bytea[]) ON CONFLICT DO NOTHING"
                    " RETURNING person, wrapped_key)"
                    " SELECT person, wrapped_key FROM made UNION ALL"
                    " SELECT person, wrapped_key FROM vault.person_key WHERE tenant_id = $1 AND person = ANY($2)",
                    tenant_id,
                    names,
                    wrapped,
                )
                if {row["person"] for row in rows} != missing:  # another process made it a moment ago
                    await asyncio.sleep(0)
                    rows = await self._stored(tenant_id, names)
            else:
                rows = await self._stored(tenant_id, names)
            for row in rows:
                self._remember(tenant_id, row["person"], self._unwrap(tenant_id, row["person"], row["wrapped_key"]))
            found = {row["person"] for row in rows}
            for erased in missing - found:
                self._keys.pop((tenant_id, erased), None)
        return [self._keys[tenant_id, p][1] if (tenant_id, p) in self._keys else None for p in persons]

    async def _stored(self, tenant_id: str, persons: list[str]) -> list[asyncpg.Record]:
        rows: list[asyncpg.Record] = await self._pool.fetch(
            "SELECT person, wrapped_key FROM vault.person_key WHERE tenant_id = $1 AND person = ANY($2)",
            tenant_id,
            persons,
        )
        return rows

    def _remember(self, tenant_id: str, person: str, key: bytes) -> None:
        self._keys[tenant_id, person] = (time.monotonic() + CACHED_FOR_S, AESGCM(key))
        self._keys.move_to_end((tenant_id, person))
        while len(self._keys) > CACHED_KEYS:
            self._keys.popitem(last=False)

    def _wrap(self, tenant_id: str, person: str) -> bytes:
        nonce = os.urandom(NONCE_BYTES)
        return nonce + self._master.encrypt(nonce, os.urandom(KEY_BYTES), _bound_to(tenant_id, person))

    def _unwrap(self, tenant_id: str, person: str, wrapped: bytes) -> bytes:
        return self._master.decrypt(wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:], _bound_to(tenant_id, person))


async def install(owner_dsn: str) -> None:
    """Make the key table if it is not there. Run by a migration job, never by a service."""
    connection = await asyncpg.connect(owner_dsn, timeout=10.0)
    try:
        async with connection.transaction():
            await connection.execute("SELECT pg_advisory_xact_lock(7003)")
            await connection.execute(SCHEMA)
    finally:
        await connection.close()


def _opened(tenant_id: str, sealed: Sealed, key: AESGCM | None) -> str | None:
    if key is None:
        return None
    nonce, box = sealed.box[:NONCE_BYTES], sealed.box[NONCE_BYTES:]
    try:
        return key.decrypt(nonce, box, _bound_to(tenant_id, sealed.person)).decode()
    except InvalidTag:
        return None  # sealed with a key that was erased; the person came back later and has a new one


def _bound_to(tenant_id: str, person: str) -> bytes:
    return f"{tenant_id}\x1f{person}".encode()
