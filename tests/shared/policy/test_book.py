"""The policies that decisions of a process are taken by, while other processes publish new ones."""

import asyncio
import time
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest
from msgspec import Struct
from support.policies import publish

from redress.eventlog.events import CommandInputs
from redress.eventlog.memory import InMemoryEventLog
from redress.policy.book import FRESH_S, PolicyBook
from redress.policy.decisions import PolicyDefinition

TODAY = date(2026, 11, 30)
NOON = datetime(2026, 11, 30, 12, 0, tzinfo=UTC)


class Limit(Struct, frozen=True):
    days: int


LIMIT = PolicyDefinition(name="limit", about="", document=Limit, built_in=Limit(1), check=lambda _: ())


class CountingLog(InMemoryEventLog):
    """Counts how often somebody has read, and takes its time."""

    def __init__(self) -> None:
        super().__init__()
        self.reads = 0

    async def read_for_command(self, tenant_id: str, key: str | None, after: Mapping[UUID, int]) -> CommandInputs:
        self.reads += 1
        await asyncio.sleep(0)
        return await super().read_for_command(tenant_id, key, after)


@pytest.fixture
def log() -> CountingLog:
    return CountingLog()


async def test_a_process_notices_within_a_second_what_another_one_has_published(
    log: CountingLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, elsewhere = PolicyBook(log), PolicyBook(log)
    for book in (here, elsewhere):
        assert (await book.in_force("demo", LIMIT, TODAY)).citation == "limit@1"
    await publish(log, LIMIT, {"days": 7})
    here.forget("demo", "limit")
    assert (await here.in_force("demo", LIMIT, TODAY)).citation == "limit@2"
    assert (await elsewhere.in_force("demo", LIMIT, TODAY)).citation == "limit@1"
    later = time.monotonic() + FRESH_S + 0.01
    monkeypatch.setattr(time, "monotonic", lambda: later)
    assert (await elsewhere.in_force("demo", LIMIT, TODAY)).document == Limit(7)


async def test_many_decisions_read_a_policy_once(log: CountingLog) -> None:
    book = PolicyBook(log)
    found = await asyncio.gather(*(book.in_force("demo", LIMIT, TODAY) for _ in range(256)))
    assert {each.citation for each in found} == {"limit@1"}
    assert log.reads == 1


async def test_a_company_has_its_own_policy(log: CountingLog) -> None:
    await publish(log, LIMIT, {"days": 7}, tenant="other")
    book = PolicyBook(log)
    assert (await book.in_force("demo", LIMIT, TODAY)).document == Limit(1)
    assert (await book.in_force("other", LIMIT, TODAY)).document == Limit(7)


async def test_a_question_about_what_was_known_leaves_out_what_was_published_later(log: CountingLog) -> None:
    await publish(log, LIMIT, {"days": 7}, at=NOON)
    book = PolicyBook(log)
    before, since = NOON - timedelta(microseconds=1), NOON
    assert (await book.in_force("demo", LIMIT, TODAY, known_at=before)).citation == "limit@1"
    assert (await book.in_force("demo", LIMIT, TODAY, known_at=since)).citation == "limit@2"


async def test_a_reading_that_fails_is_tried_again_by_the_next_decision(
    log: CountingLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    book = PolicyBook(log)
    with monkeypatch.context() as broken:
        broken.setattr(log, "read_for_command", _fail)
        with pytest.raises(TimeoutError):
            await book.in_force("demo", LIMIT, TODAY)
    assert (await book.in_force("demo", LIMIT, TODAY)).citation == "limit@1"


async def _fail(*_: object) -> CommandInputs:
    raise TimeoutError
