"""Following a feed that is away, that lies, or that is not a feed at all."""

import json
from collections.abc import AsyncIterator

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from support.databases import MakeDatabase
from support.eventually import eventually
from support.feeds import StaticToken
from support.following import Follower, Publisher, publisher_and_follower
from support.notes import SeenNotes
from support.serving import serving

from redress.messaging.feed import FeedPage
from redress.messaging.feed_source import FeedClient, FeedSource
from redress.messaging.source import GapNotClosed, Mark, PositionBeyondHead, SourceUnavailable

NOBODY = "http://127.0.0.1:9"  # the discard port: nothing listens there


@pytest.fixture
async def both(make_database: MakeDatabase) -> AsyncIterator[tuple[Publisher, Follower]]:
    async with publisher_and_follower(make_database, None) as made:
        yield made


async def test_a_publisher_that_is_away_is_asked_again_until_it_is_back(both: tuple[Publisher, Follower]) -> None:
    publisher, _ = both
    client = publisher.served.client
    client._base = NOBODY
    source = FeedSource("notes", client)
    await publisher.notes("a", "one")
    marks = dict.fromkeys(source.shards, Mark())
    assert (await source.fetch(marks, 10, 0.0)).items == ()
    client._base = publisher.served.address
    await publisher.in_the_log()
    assert [item.seq for item in (await source.fetch(marks, 10, 5.0)).items] == [1]


async def test_a_refused_token_is_replaced_once(both: tuple[Publisher, Follower]) -> None:
    class Rotating(StaticToken):
        forgotten = 0

        def forget(self) -> None:
            self.forgotten += 1
            self._token = publisher.served.issuer.token("service", tenant="*")

    publisher, _ = both
    tokens = Rotating("not a token")
    client = FeedClient(publisher.served.http, publisher.served.address, tokens)
    await publisher.notes("a", "one")
    await publisher.in_the_log()
    assert len((await client.after(0, 10, 0.0)).events) == 1
    assert tokens.forgotten == 1


async def test_a_log_that_ends_before_our_position_is_said_to_be_restored(both: tuple[Publisher, Follower]) -> None:
    publisher, _ = both
    with pytest.raises(PositionBeyondHead):
        await publisher.served.client.after(5, 10, 0.0)


async def test_a_service_that_may_not_follow_is_told_so_and_waits(both: tuple[Publisher, Follower]) -> None:
    publisher, _ = both
    with pytest.raises(SourceUnavailable, match="403"):
        await publisher.served.client_for("analyst", "acme").after(0, 10, 0.0)


@pytest.mark.parametrize(
    ("answer", "failure"),
    [
        (b"[]", SourceUnavailable),  # without the headers that say how far it is complete
        (b"<html>", SourceUnavailable),
        (b'[{"id":"evt_1"}]', SourceUnavailable),
    ],
)
async def test_what_is_not_a_feed_is_not_taken_for_one(
    both: tuple[Publisher, Follower], answer: bytes, failure: type[Exception]
) -> None:
    publisher, _ = both

    async def feed(_: Request) -> Response:
        return Response(answer)

    async with serving(Starlette(routes=[Route("/v1/feed", feed)]), lifespan="off") as address:
        client = FeedClient(publisher.served.http, address, StaticToken("t"))
        with pytest.raises(failure):
            await client.after(0, 10, 0.0)


async def test_an_answer_that_leaves_something_out_is_refused(both: tuple[Publisher, Follower]) -> None:
    publisher, follower = both
    await publisher.notes("a", "one", "two", "three")
    await publisher.in_the_log()
    honest = await publisher.served.get("/v1/feed")
    first, _, third = honest.json()

    async def forgetful(_: Request) -> Response:
        positions = {name: value for name, value in honest.headers.items() if name.startswith("feed-")}
        return Response(json.dumps([first, third]), headers=positions)

    async with serving(Starlette(routes=[Route("/v1/feed", forgetful)]), lifespan="off") as address:
        client = FeedClient(publisher.served.http, address, StaticToken("t"))
        with pytest.raises(GapNotClosed):
            await client.after(0, 10, 0.0)
    async with follower.running(SeenNotes(), "feed"):
        await follower.has_seen(["one", "two", "three"])


async def test_the_next_page_is_on_its_way_while_one_is_applied(both: tuple[Publisher, Follower]) -> None:
    publisher, _ = both
    await publisher.notes("a", "one", "two", "three")
    await publisher.in_the_log()
    asked: list[int] = []

    class Counting(FeedClient):
        async def after(self, position: int, limit: int, timeout_s: float) -> FeedPage:
            asked.append(position)
            return await super().after(position, limit, timeout_s)

    client = Counting(publisher.served.http, publisher.served.address, publisher.served.client._tokens)
    source = FeedSource("notes", client)

    async def next_is_asked_for() -> bool:
        return asked == [0, 2]

    first = await source.fetch(dict.fromkeys(source.shards, Mark()), 2, 0.0)
    await eventually(next_is_asked_for)
    second = await source.fetch(dict.fromkeys(source.shards, Mark(2)), 2, 0.0)
    assert [[item.seq for item in batch.items] for batch in (first, second)] == [[1, 2], [3]]
    assert asked == [0, 2]


async def test_a_page_on_its_way_is_not_taken_for_another_one(both: tuple[Publisher, Follower]) -> None:
    publisher, _ = both
    await publisher.notes("a", "one", "two", "three")
    await publisher.in_the_log()
    source = FeedSource("notes", publisher.served.client)
    marks = dict.fromkeys(source.shards, Mark())
    await source.fetch(marks, 1, 0.0)
    again = await source.fetch(marks, 1, 0.0)  # it could not be applied
    elsewhere = await source.fetch(dict.fromkeys(source.shards, Mark(2)), 1, 0.0)  # another process has gone on
    await source.close()
    assert [[item.seq for item in batch.items] for batch in (again, elsewhere)] == [[1], [3]]
