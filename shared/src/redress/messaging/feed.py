"""The service's events for followers over HTTP (the convention of http-feeds.org).

`GET /v1/feed?lastEventId=…` answers what came after that event, in log order, and holds the request open for a while
when there is nothing yet. Every answer proves that it left nothing out: the first event's `prev` is the position that
was asked for, each later one's is the event before it.
"""

import asyncio
from collections.abc import Coroutine, Sequence
from itertools import islice
from typing import Annotated, Any, Protocol
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from msgspec import Struct
from msgspec.structs import replace

from redress.contracts.envelope import FEED_MEDIA_TYPE, PublishedEvent
from redress.eventlog.events import RecordedEvent
from redress.eventlog.log import EventLog
from redress.ids import parse_public_id
from redress.messaging.cloudevents import EVENT_MEDIA_TYPE, CloudEvent, batch_to_json, to_json
from redress.messaging.publication import Publication
from redress.web.auth import Principal, requires
from redress.web.openapi import answers
from redress.web.permissions import ALL_TENANTS
from redress.web.problem import FieldError, kernel_problem, not_found

MAX_TIMEOUT_MS = 30_000  # below the idle limit of every proxy we know of
MAX_LIMIT = 1_000
DEFAULT_LIMIT = 100
PAGE = 200  # stored events read at a time, even for a follower that wants few: most may be internal
PAGES_PER_ANSWER = 20  # how much of a log without published events one request looks through
KEPT = 4_096  # published events that several followers ask for at the same time
AHEAD = 8  # pages that are made before they are asked for: one for each follower that has far to go

POSITION_HEADER = "Feed-Position"
HEAD_HEADER = "Feed-Head"
EPOCH_HEADER = "Feed-Epoch"


class FollowedLog(EventLog, Protocol):
    async def find_event(self, tenant_id: str | None, event_id: UUID) -> tuple[str, UUID, int, int] | None:
        """(tenant, stream, version, seq) of an event, None if unknown."""
        ...


class FeedPage(Struct, frozen=True):
    """An answer: nothing published lies between what was asked for and `position` except `events`."""

    events: tuple[PublishedEvent, ...]
    position: int
    head: int
    epoch: str


class Feed:
    """The published events of one service, from its log. One instance per process, shared by all requests."""

    def __init__(self, log: FollowedLog, publication: Publication) -> None:
        self._log = log
        self._publication = publication
        self._kept: dict[int, PublishedEvent | None] = {}
        self._ahead: dict[tuple[int, int], asyncio.Task[list[RecordedEvent]]] = {}

    async def after(self, position: int, tenant: str | None, limit: int, timeout_s: float) -> FeedPage:
        """The events after `position`, of one tenant or (None) of all. Waits at most `timeout_s` for the first.

        A position beyond the head is answered at once, with `head` saying so.
        """
        epoch = await self._log.epoch()
        deadline = asyncio.get_running_loop().time() + timeout_s
        asked = position
        for _ in range(PAGES_PER_ANSWER):
            head = await self._log.head()
            if position >= head:
                left = deadline - asyncio.get_running_loop().time()
                if position > head or left <= 0:
                    break
                head = await self._log.wait_for(position + 1, left)
                if position >= head:
                    break
            page = max(limit, PAGE)
            stored = await self._read(position, page, tenant)
            reached = _reached(stored, page, head, tenant)
            events = await self._published(stored)
            if len(events) > limit:
                del events[limit:]
                reached = events[-1].seq
            if events:
                if tenant is None and reached < head:
                    self._read_ahead(reached, page)
                return FeedPage(_chained(asked, events), reached, max(head, reached), epoch)
            position = max(position, reached)
        return FeedPage((), position, head, epoch)

    async def event(self, event_id: UUID, tenant: str | None) -> PublishedEvent | None:
        """One published event; None if it is unknown, internal, or of another tenant."""
        found = await self._log.find_event(tenant, event_id)
        if found is None:
            return None
        seq = found[3]
        stored = await self._log.read_log(seq - 1, 1)
        events = await self._published(stored)
        return events[0] if events else None

    async def position_of(self, event_id: UUID, tenant: str | None) -> int | None:
        found = await self._log.find_event(tenant, event_id)
        return None if found is None else found[3]

    async def _read(self, position: int, page: int, tenant: str | None) -> list[RecordedEvent]:
        ahead = self._ahead.pop((position, page), None) if tenant is None else None
        if ahead is not None:
            return await ahead
        return await self._log.read_log(position, page, tenant_id=tenant)

    def _read_ahead(self, position: int, page: int) -> None:
        """Read and translate what a follower with far to go will ask for next, while it works on what it has got."""

        async def read() -> list[RecordedEvent]:
            stored = await self._log.read_log(position, page)
            await self._published(stored)
            return stored

        if (position, page) in self._ahead:
            return
        task = asyncio.create_task(read())
        task.add_done_callback(_seen)
        self._ahead[position, page] = task
        if len(self._ahead) > AHEAD:
            self._ahead.pop(next(iter(self._ahead))).cancel()

    async def _published(self, stored: Sequence[RecordedEvent]) -> list[PublishedEvent]:
        """The published form; what another follower has just asked for is not made again."""
        unknown = [event for event in stored if event.seq not in self._kept]
        if unknown:
            made = {event.seq: event for event in await self._publication.publish(unknown)}
            for event in unknown:
                seq = event.seq or 0
                self._kept[seq] = made.get(seq)
        events = [self._kept[event.seq or 0] for event in stored]
        # All at once: to look for the first key of a dict means to pass over every one that was deleted before it.
        for seq in [*islice(self._kept, max(0, len(self._kept) - KEPT))]:
            del self._kept[seq]
        return [event for event in events if event is not None]


def _seen(task: asyncio.Task[list[RecordedEvent]]) -> None:
    """A page that no reader asks for may fail silently."""
    if not task.cancelled():
        task.exception()


def _reached(stored: Sequence[RecordedEvent], limit: int, head: int, tenant: str | None) -> int:
    """How far `stored` is complete: to its last event, or to the head if one tenant has nothing more."""
    last = (stored[-1].seq or 0) if stored else 0
    return max(last, head) if tenant is not None and len(stored) < limit else last


def _chained(asked: int, events: Sequence[PublishedEvent]) -> tuple[PublishedEvent, ...]:
    chained: list[PublishedEvent] = []
    for event in events:
        chained.append(replace(event, prev=chained[-1].seq if chained else asked))
    return tuple(chained)


def feed_router(feed: Feed) -> APIRouter:
    """`GET /v1/feed` and `GET /v1/events/{event_id}`."""
    router = APIRouter(tags=["feed"])

    @router.get("/v1/feed", summary="Follow the published events", response_class=Response)
    @answers(list[CloudEvent], media_type=FEED_MEDIA_TYPE, problems=["unknown_position", "not_found"])
    async def read_feed(
        request: Request,
        principal: Annotated[Principal, Depends(requires("feed:read"))],
        last_event_id: Annotated[
            str,
            Query(alias="lastEventId", max_length=40, description="A position (`seq`) or an event id; 0 is the start."),
        ] = "0",
        timeout: Annotated[  # noqa: ASYNC109 - the convention's name of the query parameter
            int, Query(ge=0, le=MAX_TIMEOUT_MS, description="Milliseconds to wait when there is nothing yet.")
        ] = 0,
        limit: Annotated[int, Query(ge=1, le=MAX_LIMIT)] = DEFAULT_LIMIT,
    ) -> Response:
        """Events after `lastEventId` in log order, as a JSON array; empty when none came within `timeout`.

        `Feed-Position` is the position to ask from next: it passes over events that are not published.
        """
        tenant = _tenant(principal)
        position = await _position(feed, last_event_id, tenant)
        page = await _unless_over(request, feed.after(position, tenant, limit, timeout / 1000))
        if page is None:
            page = await feed.after(position, tenant, limit, 0.0)
        if position > page.head:
            detail = f"position {position} was asked for, but the log ends at {page.head}: it may have been restored"
            raise kernel_problem("unknown_position", detail)
        headers = {
            POSITION_HEADER: str(page.position),
            HEAD_HEADER: str(page.head),
            EPOCH_HEADER: page.epoch,
            "Cache-Control": "no-store",
        }
        return Response(batch_to_json(page.events), headers=headers, media_type=FEED_MEDIA_TYPE)

    @router.get("/v1/events/{event_id}", summary="One published event", response_class=Response)
    @answers(CloudEvent, media_type=EVENT_MEDIA_TYPE)
    async def read_event(
        event_id: Annotated[str, Path(max_length=200, description="`evt_…`")],
        principal: Annotated[Principal, Depends(requires("events:read"))],
    ) -> Response:
        try:
            uuid = parse_public_id("evt", event_id)
        except ValueError:
            raise not_found(f"event {event_id[:60]}") from None
        event = await feed.event(uuid, _tenant(principal))
        if event is None:
            raise not_found(f"event {event_id[:60]}")
        return Response(to_json(event), headers={"Cache-Control": "private, no-cache"}, media_type=EVENT_MEDIA_TYPE)

    return router


async def _unless_over(request: Request, asked: Coroutine[Any, Any, FeedPage]) -> FeedPage | None:
    """The page; None as soon as the caller has gone away or the process is about to stop."""
    stopping: asyncio.Event = getattr(request.app.state, "stopping", None) or asyncio.Event()
    page = asyncio.create_task(asked)
    over = [asyncio.create_task(stopping.wait()), asyncio.create_task(_gone(request))]
    try:
        await asyncio.wait([page, *over], return_when=asyncio.FIRST_COMPLETED)
        return page.result() if page.done() else None
    finally:
        for task in (page, *over):
            task.cancel()
        await asyncio.gather(page, *over, return_exceptions=True)


async def _gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _tenant(principal: Principal) -> str | None:
    return None if principal.tenant == ALL_TENANTS else principal.tenant


async def _position(feed: Feed, last_event_id: str, tenant: str | None) -> int:
    if last_event_id.isascii() and last_event_id.isdigit():
        return int(last_event_id)
    try:
        event_id = parse_public_id("evt", last_event_id)
    except ValueError:
        wrong = FieldError(
            None,
            f"{last_event_id!r} is neither a position nor an event id",
            "a number or evt_…",
            parameter="lastEventId",
            location="query",
        )
        raise kernel_problem("invalid_request", "one place to correct; see errors", errors=[wrong]) from None
    position = await feed.position_of(event_id, tenant)
    if position is None:
        raise not_found(f"event {last_event_id}")
    return position
