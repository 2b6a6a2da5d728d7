"""Personal text is unreadable without its person's key, and for ever once the key is deleted."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import asyncpg
import msgspec
import pytest
from cryptography.exceptions import InvalidTag
from support.databases import Database, MakeDatabase

from redress.eventlog.vault import Vault, install

MASTER_KEY = bytes(range(32))


@dataclass
class Keys:
    database: Database
    vault: Vault


@pytest.fixture
async def keys(make_database: MakeDatabase) -> AsyncIterator[Keys]:
    database = await make_database("vault")
    await install(database.owner)
    async with Vault.open_at(database.as_role("dispute_api"), MASTER_KEY) as vault:
        yield Keys(database, vault)


async def test_sealed_text_is_opened_again_and_does_not_contain_the_text(keys: Keys) -> None:
    sealed = await keys.vault.seal("acme", "person:1", "Erika Mustermann")
    assert b"Mustermann" not in msgspec.json.encode(sealed)
    assert await keys.vault.open("acme", sealed) == "Erika Mustermann"


async def test_another_process_with_the_master_key_opens_it(keys: Keys) -> None:
    sealed = await keys.vault.seal("acme", "person:1", "Erika Mustermann")
    async with Vault.open_at(keys.database.as_role("notification_worker"), MASTER_KEY) as other:
        assert await other.open("acme", sealed) == "Erika Mustermann"


async def test_an_erased_person_cannot_be_read_and_others_can(keys: Keys) -> None:
    erased = await keys.vault.seal("acme", "person:1", "Erika Mustermann")
    kept = await keys.vault.seal("acme", "person:2", "Max Mustermann")
    assert await keys.vault.erase("acme", "person:1") is True
    assert await keys.vault.open_many("acme", [erased, kept]) == [None, "Max Mustermann"]
    assert await keys.vault.erase("acme", "person:1") is False


async def test_what_was_erased_stays_erased_when_the_person_comes_back(keys: Keys) -> None:
    before = await keys.vault.seal("acme", "person:1", "before")
    await keys.vault.erase("acme", "person:1")
    after = await keys.vault.seal("acme", "person:1", "after")
    assert await keys.vault.open_many("acme", [before, after]) == [None, "after"]


async def test_a_box_of_one_tenant_does_not_open_for_another(keys: Keys) -> None:
    sealed = await keys.vault.seal("acme", "person:1", "Erika Mustermann")
    await keys.vault.seal("globex", "person:1", "somebody else")
    assert await keys.vault.open("globex", sealed) is None


async def test_an_address_has_one_pseudonym_per_tenant_that_does_not_show_it(keys: Keys) -> None:
    person = keys.vault.person_of_email("acme", "Erika@Example.com")
    assert person == keys.vault.person_of_email("acme", " erika@example.com ")
    assert person != keys.vault.person_of_email("globex", "erika@example.com")
    assert "erika" not in person


async def test_keys_are_stored_wrapped(keys: Keys) -> None:
    await keys.vault.seal("acme", "person:1", "x")
    owner = await asyncpg.connect(keys.database.owner)
    try:
        stored = await owner.fetchval("SELECT wrapped_key FROM vault.person_key")
    finally:
        await owner.close()
    assert len(stored) == 12 + 32 + 16
    async with Vault.open_at(keys.database.as_role("dispute_api"), bytes(32)) as wrong_master:
        with pytest.raises(InvalidTag):
            await wrong_master.seal("acme", "person:1", "y")


async def test_too_long_a_text_is_refused(keys: Keys) -> None:
    with pytest.raises(ValueError, match="20000 characters"):
        await keys.vault.seal("acme", "person:1", "x" * 20_001)
