"""Notifications over HTTP: the list, and one notification with its history."""

from collections.abc import Sequence
from datetime import datetime
from itertools import takewhile
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from fastapi import APIRouter, Depends, Path, Query, Request
from starlette.responses import Response

from notification_service.notifications.document import document_of
from notification_service.notifications.history import history_of
from notification_service.notifications.list import NotificationFilter, NotificationRow, page
from notification_service.notifications.views import (
    NotificationView,
    NotificationWithHistory,
    addresses_of,
    view_of,
    views_of,
)
from redress.eventlog.events import RecordedEvent
from redress.ids import parse_public_id
from redress.legal_entities.zones import zone_of_entity
from redress.reading.keyset import Page, keyset
from redress.reading.moment import AskedMoment, Moment, only_now
from redress.service.feature import ApiParts
from redress.web.answers import answer_page, answer_version
from redress.web.auth import Principal, requires
from redress.web.bodies import VISIBLE
from redress.web.openapi import answers
from redress.web.pages import DEFAULT_LIMIT, Cursor, Limit
from redress.web.problem import not_found

Reader = Annotated[Principal, Depends(requires("notifications:read"))]

Status = Literal["queued", "sending", "sent", "failed", "unknown", "skipped"]
NotificationId = Annotated[str, Path(max_length=60, description="`ntf_…`", examples=["ntf_01jg000000e008000000000001"])]
_ONE = "GET /v1/notifications/{notification_id} answers as_of and known_at"


def notification_routes(parts: ApiParts[Any]) -> APIRouter:
    router = APIRouter(tags=["notifications"])

    @router.get(
        "/v1/notifications", summary="Notifications, those about the newest events first", response_class=Response
    )
    @answers(Page[NotificationView])
    async def list_notifications(
        request: Request,
        principal: Reader,
        moment: AskedMoment,
        *,
        dispute_id: Annotated[
            str | None, Query(max_length=60, pattern=VISIBLE, description="Of this dispute, `dsp_…`.")
        ] = None,
        subject_type: Annotated[
            str | None,
            Query(max_length=60, pattern=VISIBLE, description="Of subjects of this type, such as `dispute`."),
        ] = None,
        subject_id: Annotated[
            str | None, Query(max_length=200, pattern=VISIBLE, description="Of the subject with this id.")
        ] = None,
        status: Annotated[Status | None, Query(description="In this state.")] = None,
        event_id: Annotated[
            str | None, Query(max_length=40, pattern=VISIBLE, description="About this published event.")
        ] = None,
        cursor: Cursor = None,
        limit: Limit = DEFAULT_LIMIT,
    ) -> Response:
        """As they are now: the states of another moment are those of each notification."""
        only_now(moment, instead=_ONE)
        filters = NotificationFilter(
            dispute_id=dispute_id, subject_type=subject_type, subject_id=subject_id, status=status, event_id=event_id
        )
        asked = keyset(parts.cursors, "notifications", principal.tenant, msgspec.structs.asdict(filters), cursor, limit)
        after = None if asked.after is None else _position(asked.after)
        async with parts.reads.of(principal.tenant) as connection:
            rows = await page(connection, principal.tenant, filters, after, asked.rows)
        found = asked.page(rows, _place, lambda row: row)
        return answer_page(request, await views_of(parts.vault, principal, found.items), found.next_cursor)

    @router.get(
        "/v1/notifications/{notification_id}",
        summary="One notification and what has happened to it",
        response_class=Response,
    )
    @answers(NotificationWithHistory)
    async def read_notification(
        request: Request, principal: Reader, notification_id: NotificationId, moment: AskedMoment
    ) -> Response:
        stream = _stream(notification_id)
        events = await parts.log.read_stream(principal.tenant, stream)
        notice = history_of(events).state.notice
        entity = None if notice is None or moment.as_of is None else notice.legal_entity
        found = history_of(_by(moment, await zone_of_entity(parts.log, principal.tenant, entity, moment), events))
        if found.state.notice is None:
            raise not_found(f"notification {notification_id[:60]}")
        now = document_of(found.state)
        (address,) = await addresses_of(parts.vault, principal, [now.address])
        view = NotificationWithHistory(notification=view_of(stream, found.version, now, address), history=found.steps)
        return answer_version(request, view, found.version)

    return router


def _by(moment: Moment, zone: str, events: Sequence[RecordedEvent]) -> list[RecordedEvent]:
    """The events up to the moment on both axes: a history is cut, it never has holes."""
    before = moment.before(zone)
    return list(
        takewhile(
            lambda event: event.recorded_at <= moment.recorded_by and (before is None or event.effective_at < before),
            events,
        )
    )


def _stream(notification_id: str) -> UUID:
    try:
        return parse_public_id("ntf", notification_id)
    except ValueError:
        raise not_found(f"notification {notification_id[:60]}") from None


def _place(row: NotificationRow) -> tuple[str, str]:
    return row.now.cause_at.isoformat(), str(row.notification_id)


def _position(values: Sequence[object]) -> tuple[datetime, UUID]:
    at, notification = values
    return datetime.fromisoformat(str(at)), UUID(str(notification))
