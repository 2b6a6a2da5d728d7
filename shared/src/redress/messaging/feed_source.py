"""Another service's feed as a source: what it published, in its log's order, over HTTP."""

import asyncio
import random
from collections.abc import Mapping, Sequence

import httpx2 as httpx
import structlog
from msgspec import Struct

from redress.contracts.envelope import PARTITIONS, PublishedEvent, partition_of
from redress.messaging.cloudevents import NotACloudEvent, batch_from_json, from_json
from redress.messaging.feed import EPOCH_HEADER, HEAD_HEADER, MAX_LIMIT, POSITION_HEADER, FeedPage
from redress.messaging.source import (
    MAIN_LOG,
    Batch,
    GapNotClosed,
    Mark,
    PositionBeyondHead,
    ReadMarks,
    SourceItem,
    SourceUnavailable,
)
from redress.messaging.tokens import TokenSource

_log = structlog.stdlib.get_logger("redress.messaging")

_GRACE_S = 10.0  # for the answer itself, after the time that the server may wait
_PAUSES_S = (0.1, 0.25, 0.5, 1.0, 2.0, 5.0)  # while the other service is away; a restart is noticed within seconds


class FeedClient:
    """Asks one service's feed. `base_url` is the service's address; the HTTP client is shared and kept alive."""

    def __init__(self, http: httpx.AsyncClient, base_url: str, tokens: TokenSource) -> None:
        self._http = http
        self._base = base_url.rstrip("/")
        self._tokens = tokens

    async def after(self, position: int, limit: int, timeout_s: float) -> FeedPage:
        """One page. SourceUnavailable when there is no good answer, PositionBeyondHead if the log is shorter.

        The chain of the answer is checked: GapNotClosed if the service left something out.
        """
        parameters = {"lastEventId": position, "limit": limit, "timeout": int(timeout_s * 1000)}
        response = await self._get("/v1/feed", parameters, timeout_s + _GRACE_S)
        if response.status_code == httpx.codes.GONE:
            raise PositionBeyondHead(position, int(response.headers.get(HEAD_HEADER, 0)))
        if response.status_code != httpx.codes.OK:
            raise SourceUnavailable(f"{self._base}/v1/feed answered {response.status_code}: {response.text[:300]}")
        try:
            events = batch_from_json(response.content)
            page = FeedPage(
                tuple(events),
                int(response.headers[POSITION_HEADER]),
                int(response.headers[HEAD_HEADER]),
                response.headers[EPOCH_HEADER],
            )
        except (NotACloudEvent, KeyError, ValueError) as wrong:
            raise SourceUnavailable(f"{self._base}/v1/feed answered something else than a feed: {wrong}") from wrong
        _check_chain(position, page.events)
        return page

    async def event(self, event_id: str) -> PublishedEvent | None:
        response = await self._get(f"/v1/events/{event_id}", {}, _GRACE_S)
        if response.status_code == httpx.codes.NOT_FOUND:
            return None
        if response.status_code != httpx.codes.OK:
            raise SourceUnavailable(f"{self._base}/v1/events answered {response.status_code}")
        return from_json(response.content)

    async def _get(self, path: str, parameters: Mapping[str, int], timeout_s: float) -> httpx.Response:
        try:
            async with asyncio.timeout(timeout_s):
                for _attempt in (1, 2):
                    headers = {"Authorization": f"Bearer {await self._tokens.token()}"}
                    response = await self._http.get(
                        self._base + path, params=parameters, headers=headers, timeout=timeout_s
                    )
                    if response.status_code != httpx.codes.UNAUTHORIZED:
                        break
                    self._tokens.forget()  # the issuer's keys may have been rotated
                return response
        except (httpx.HTTPError, TimeoutError) as failure:
            raise SourceUnavailable(f"{self._base} did not answer: {type(failure).__name__} {failure}") from failure


class _PrefetchedPage(Struct, frozen=True):
    """A page that was fetched before the reader asked for it."""

    position: int
    limit: int
    page: asyncio.Task[FeedPage]


class FeedSource:
    """Follows the feed of a service's log. All shards come in one answer, so each answer completes all of them.

    While a page is being applied, the next one is already being made and sent, as long as the service has more.
    """

    shards: tuple[int, ...] = tuple(range(PARTITIONS))
    numbered = True

    def __init__(self, service: str, client: FeedClient, *, log: str = MAIN_LOG) -> None:
        self.service: str | None = service
        self.log = log
        self._client = client
        self._failures = 0
        self._ahead: _PrefetchedPage | None = None

    async def open(self, read_marks: ReadMarks) -> None:
        pass

    async def fetch(self, marks: Mapping[int, Mark], limit: int, timeout_s: float) -> Batch[PublishedEvent]:
        since = min(mark.seq for mark in marks.values())
        try:
            page = await self._page(since, min(limit, MAX_LIMIT), timeout_s)
        except SourceUnavailable as failure:
            await self._pause(failure, timeout_s)
            return Batch(epoch="", since=since)
        if self._failures:
            _log.info("feed_answers_again", service=self.service)
            self._failures = 0
        return Batch(
            items=_items(page.events, since),
            epoch=page.epoch,
            since=since,
            reached=dict.fromkeys(self.shards, page.position),
            behind=page.head - page.position,
        )

    async def missing(self, shard: int, after: int, through: int) -> tuple[SourceItem[PublishedEvent], ...]:
        return await missing_from_feed(self._client, shard, after, through)

    async def one(self, shard: int, seq: int) -> SourceItem[PublishedEvent]:
        return await one_from_feed(self._client, shard, seq)

    async def applied(self, batch: Batch[PublishedEvent]) -> None:
        pass

    async def close(self) -> None:
        await self._forget_ahead()

    async def _page(self, position: int, limit: int, timeout_s: float) -> FeedPage:
        ahead = self._ahead
        if ahead is not None and (ahead.position, ahead.limit) == (position, limit):
            self._ahead = None
            page = await ahead.page
        else:
            await self._forget_ahead()  # the checkpoint went elsewhere
            page = await self._client.after(position, limit, timeout_s)
        if position < page.position < page.head:
            following = asyncio.create_task(self._client.after(page.position, limit, 0.0))
            self._ahead = _PrefetchedPage(page.position, limit, following)
        return page

    async def _forget_ahead(self) -> None:
        ahead, self._ahead = self._ahead, None
        if ahead is not None:
            ahead.page.cancel()
            await asyncio.gather(ahead.page, return_exceptions=True)

    async def _pause(self, failure: SourceUnavailable, at_most_s: float) -> None:
        """Wait before the next request, longer each time and never all followers together."""
        if self._failures == 0:
            _log.warning("feed_does_not_answer", service=self.service, reason=str(failure))
        pause_s = _PAUSES_S[min(self._failures, len(_PAUSES_S) - 1)]
        self._failures += 1
        await asyncio.sleep(min(pause_s * random.uniform(0.5, 1.0), at_most_s))  # noqa: S311 - not a secret


class RepairedShard(Struct, frozen=True):
    """The items of one shard, complete up to `position`."""

    items: tuple[SourceItem[PublishedEvent], ...]
    position: int


async def shard_from_feed(client: FeedClient, shard: int, after: int, through: int | None = None) -> RepairedShard:
    """The events of a shard after a position, up to another one or (None) to the log's head."""
    items: list[SourceItem[PublishedEvent]] = []
    position = after
    while True:
        page = await client.after(position, MAX_LIMIT, 0.0)
        follows = items[-1].seq if items else after
        for event in page.events:
            if partition_of(event.subject) == shard and (through is None or event.seq <= through):
                items.append(_item(event, shard, follows))
                follows = event.seq
        position = page.position
        if position >= page.head or (through is not None and position >= through):
            return RepairedShard(tuple(items), position)


async def missing_from_feed(
    client: FeedClient, shard: int, after: int, through: int
) -> tuple[SourceItem[PublishedEvent], ...]:
    """The hole of a shard. GapNotClosed if the log ends before it does."""
    repaired = await shard_from_feed(client, shard, after, through)
    if repaired.position < through:
        raise GapNotClosed(shard, after, through)
    return repaired.items


async def one_from_feed(client: FeedClient, shard: int, seq: int) -> SourceItem[PublishedEvent]:
    page = await client.after(seq - 1, 1, 0.0)
    if not page.events or page.events[0].seq != seq:
        raise GapNotClosed(shard, seq - 1, seq)
    return _item(page.events[0], shard, seq - 1)


def _items(events: Sequence[PublishedEvent], since: int) -> tuple[SourceItem[PublishedEvent], ...]:
    last = dict.fromkeys(range(PARTITIONS), since)
    items = []
    for event in events:
        shard = partition_of(event.subject)
        items.append(_item(event, shard, last[shard]))
        last[shard] = event.seq
    return tuple(items)


def _item(event: PublishedEvent, shard: int, follows: int) -> SourceItem[PublishedEvent]:
    return SourceItem(
        event=event,
        shard=shard,
        seq=event.seq,
        follows=follows,
        epoch=event.epoch,
        stream=event.subject,
        tenant=event.tenant,
    )


def _check_chain(asked: int, events: Sequence[PublishedEvent]) -> None:
    before = asked
    for event in events:
        if event.prev != before or event.seq <= before:
            raise GapNotClosed(partition_of(event.subject), before, event.seq)
        before = event.seq
