"""The feed over HTTP: log order, a proof of completeness, waiting, and only what the caller may see."""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
from support.event_log import a_write, an_event, stream_id
from support.eventually import eventually
from support.feeds import ServedFeed, served_feed
from support.notes import NotesPublication

from redress.contracts.envelope import FEED_MEDIA_TYPE
from redress.eventlog.events import RecordedEvent
from redress.eventlog.memory import InMemoryEventLog
from redress.ids import public_id
from redress.messaging.feed import Feed


@pytest.fixture
async def log() -> InMemoryEventLog:
    return InMemoryEventLog()


@pytest.fixture
async def served(log: InMemoryEventLog) -> AsyncIterator[ServedFeed]:
    async with served_feed(log) as feed:
        yield feed


def shape(events: list[dict[str, Any]]) -> list[tuple[int, int, str]]:
    return [(event["prev"], event["seq"], event["data"]["note"]) for event in events]


async def test_events_come_in_log_order_and_each_names_the_one_before_it(
    log: InMemoryEventLog, served: ServedFeed
) -> None:
    await log.append("acme", [a_write("a", 0, "one", "two")])
    await log.append("globex", [a_write("b", 0, "three")])
    answer = await served.get("/v1/feed", lastEventId=1)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == FEED_MEDIA_TYPE
    assert shape(answer.json()) == [(1, 2, "two"), (2, 3, "three")]


async def test_an_event_is_a_cloud_event_with_everything_a_consumer_needs(
    log: InMemoryEventLog, served: ServedFeed
) -> None:
    fact = an_event("one")
    await log.append("acme", [a_write("a", 0, fact)])
    (event,) = (await served.get("/v1/feed")).json()
    time_recorded = event.pop("time")
    assert time_recorded.endswith("Z")
    assert event == {
        "specversion": "1.0",
        "id": public_id("evt", fact.event_id),
        "source": "/redress/notes-service/main",
        "type": "note-added",
        "subject": str(stream_id("a")),
        "datacontenttype": "application/json",
        "dataschema": "/schemas/note-added/1",
        "tenant": "acme",
        "effectivetime": "2026-03-30T16:02:00Z",
        "seq": 1,
        "prev": 0,
        "epoch": "memory",
        "version": 1,
        "correlationid": "r-1",
        "data": {"note": "one"},
    }


async def test_a_follower_may_ask_from_an_event_id(log: InMemoryEventLog, served: ServedFeed) -> None:
    first = an_event("one")
    await log.append("acme", [a_write("a", 0, first, "two")])
    answer = await served.get("/v1/feed", lastEventId=public_id("evt", first.event_id))
    assert shape(answer.json()) == [(1, 2, "two")]


async def test_internal_events_are_passed_over_and_the_position_says_so(
    log: InMemoryEventLog, served: ServedFeed
) -> None:
    await log.append("acme", [a_write("a", 0, "one", "secret", "three", "secret too")])
    answer = await served.get("/v1/feed")
    assert shape(answer.json()) == [(0, 1, "one"), (1, 3, "three")]
    assert answer.headers["feed-position"] == "4"
    nothing = await served.get("/v1/feed", lastEventId=3)
    assert nothing.json() == []
    assert nothing.headers["feed-position"] == "4"


async def test_one_event_among_many_internal_ones_is_found_at_once(log: InMemoryEventLog, served: ServedFeed) -> None:
    for number in range(5):
        await log.append("acme", [a_write(f"s{number}", 0, *["secret"] * 100)])
    await log.append("acme", [a_write("a", 0, "one", "two")])
    answer = await served.get("/v1/feed", limit=1)
    assert shape(answer.json()) == [(0, 501, "one")]
    assert answer.headers["feed-position"] == "501"


async def test_the_limit_is_kept(log: InMemoryEventLog, served: ServedFeed) -> None:
    await log.append("acme", [a_write("a", 0, *[str(number) for number in range(10)])])
    answer = await served.get("/v1/feed", limit=3)
    assert shape(answer.json()) == [(0, 1, "0"), (1, 2, "1"), (2, 3, "2")]
    assert answer.headers["feed-head"] == "10"


async def test_a_tenant_sees_its_own_events_only(log: InMemoryEventLog, served: ServedFeed) -> None:
    await log.append("acme", [a_write("a", 0, "acme's")])
    other = an_event("globex's")
    await log.append("globex", [a_write("b", 0, other)])
    await log.append("acme", [a_write("a", 1, "acme's again")])
    answer = await served.get("/v1/feed", role="ops", tenant="acme")
    assert shape(answer.json()) == [(0, 1, "acme's"), (1, 3, "acme's again")]
    foreign = await served.get("/v1/feed", role="ops", tenant="acme", lastEventId=public_id("evt", other.event_id))
    assert foreign.status_code == 404


async def test_a_waiting_follower_is_answered_when_something_happens(log: InMemoryEventLog, served: ServedFeed) -> None:
    waiting = asyncio.create_task(served.get("/v1/feed", timeout=30_000))
    await served.get("/v1/feed")  # by now the waiting one has been received
    await log.append("acme", [a_write("a", 0, "one")])
    answer = await asyncio.wait_for(waiting, 2.0)
    assert shape(answer.json()) == [(0, 1, "one")]


async def test_a_waiting_follower_of_one_tenant_is_not_answered_with_another_s_events(
    log: InMemoryEventLog, served: ServedFeed
) -> None:
    waiting = asyncio.create_task(served.get("/v1/feed", role="ops", tenant="acme", timeout=400))
    await log.append("globex", [a_write("b", 0, "theirs")])
    answer = await asyncio.wait_for(waiting, 5.0)
    assert answer.json() == []
    assert answer.headers["feed-position"] == "1"


async def test_waiting_ends_with_an_empty_answer(served: ServedFeed) -> None:
    started = time.monotonic()
    answer = await served.get("/v1/feed", timeout=150)
    assert (answer.status_code, answer.json()) == (200, [])
    assert time.monotonic() - started >= 0.15


async def test_a_stopping_service_answers_those_who_wait(served: ServedFeed) -> None:
    waiting = asyncio.create_task(served.get("/v1/feed", timeout=30_000))
    await served.get("/v1/feed")
    served.stopping.set()
    assert (await asyncio.wait_for(waiting, 2.0)).json() == []


async def test_a_position_beyond_the_log_is_refused(log: InMemoryEventLog, served: ServedFeed) -> None:
    await log.append("acme", [a_write("a", 0, "one")])
    answer = await served.get("/v1/feed", lastEventId=2)
    assert (answer.status_code, answer.json()["code"]) == (410, "unknown_position")


@pytest.mark.parametrize(
    ("parameters", "place"),
    [
        ({"lastEventId": "yesterday"}, "lastEventId"),
        ({"lastEventId": "-1"}, "lastEventId"),
        ({"limit": 0}, "limit"),
        ({"limit": 1001}, "limit"),
        ({"timeout": 30001}, "timeout"),
    ],
)
async def test_a_wrong_parameter_is_named(served: ServedFeed, parameters: dict[str, Any], place: str) -> None:
    answer = await served.get("/v1/feed", **parameters)
    assert answer.status_code == 422
    assert [error["parameter"] for error in answer.json()["errors"]] == [place]


async def test_an_analyst_may_not_follow_the_feed(served: ServedFeed) -> None:
    assert (await served.get("/v1/feed", role="analyst", tenant="acme")).status_code == 403


async def test_one_event_is_found_by_its_id_within_its_tenant(log: InMemoryEventLog, served: ServedFeed) -> None:
    fact, secret = an_event("one"), an_event("secret")
    await log.append("acme", [a_write("a", 0, "zero", fact, secret)])
    path = f"/v1/events/{public_id('evt', fact.event_id)}"
    found = await served.get(path, role="auditor", tenant="acme")
    assert (found.json()["seq"], found.json()["data"]) == (2, {"note": "one"})
    assert (await served.get(path, role="auditor", tenant="globex")).status_code == 404
    internal = await served.get(f"/v1/events/{public_id('evt', secret.event_id)}", role="auditor", tenant="acme")
    assert internal.status_code == 404
    assert (await served.get("/v1/events/nonsense", role="auditor", tenant="acme")).status_code == 404


class CountingLog(InMemoryEventLog):
    """Notes from which positions it is read."""

    def __init__(self) -> None:
        super().__init__()
        self.read_after: list[int] = []

    async def read_log(self, after_seq: int, limit: int, **filters: Any) -> list[RecordedEvent]:
        self.read_after.append(after_seq)
        return await super().read_log(after_seq, limit, **filters)


async def test_what_a_follower_far_behind_will_ask_for_next_is_read_before_it_asks() -> None:
    log = CountingLog()
    for first in range(0, 450, 150):
        await log.append("acme", [a_write("a", first, *(f"note {first + n}" for n in range(150)))])
    feed = Feed(log, NotesPublication(log))

    async def second_page_is_read() -> bool:
        return log.read_after == [0, 200]

    page = await feed.after(0, None, 200, 0.0)
    assert (page.events[0].seq, page.position) == (1, 200)
    await eventually(second_page_is_read)
    page = await feed.after(200, None, 200, 0.0)
    assert ([page.events[0].seq, page.events[-1].seq], page.events[0].prev, page.position) == ([201, 400], 200, 400)
    page = await feed.after(400, None, 200, 0.0)
    assert ([page.events[0].seq, page.events[-1].seq], page.position, page.head) == ([401, 450], 450, 450)
    assert log.read_after == [0, 200, 400]


async def test_nothing_is_read_ahead_for_one_company_whose_events_are_searched_for() -> None:
    log = CountingLog()
    for first in range(0, 450, 150):
        await log.append("acme", [a_write("a", first, *(f"note {first + n}" for n in range(150)))])
    feed = Feed(log, NotesPublication(log))
    page = await feed.after(0, "acme", 200, 0.0)
    assert page.position == 200
    await asyncio.sleep(0)
    assert log.read_after == [0]
