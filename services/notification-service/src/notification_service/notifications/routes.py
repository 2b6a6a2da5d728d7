"""Who was told what: the list, and one notification with its history."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Literal
from uuid import UUID

import msgspec
from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response

from notification_service.notifications.document import document_of
from notification_service.notifications.history import history_of
from notification_service.notifications.list import Filters, page
from notification_service.notifications.views import NotificationWithHistory, addresses_of, view_of, views_of
from notification_service.parts import Parts
from notification_service.reading import reading
from redress.ids import parse_public_id
from redress.web.answers import answer_page, answer_version
from redress.web.auth import Principal, requires
from redress.web.pages import DEFAULT_LIMIT, Cursor, Limit, filters_hash
from redress.web.problem import not_found

Reader = Annotated[Principal, Depends(requires("notifications:read"))]

Status = Literal["queued", "sending", "sent", "failed", "unknown", "skipped"]


def notification_routes(parts: Parts) -> APIRouter:
    router = APIRouter(tags=["notifications"])

    @router.get("/v1/notifications", summary="Notifications, those about the newest events first")
    async def list_notifications(
        request: Request,
        principal: Reader,
        *,
        dispute_id: Annotated[str | None, Query(max_length=60)] = None,
        subject_type: Annotated[str | None, Query(max_length=60, description="`dispute`, `invoice`, …")] = None,
        subject_id: Annotated[str | None, Query(max_length=200)] = None,
        status: Annotated[Status | None, Query()] = None,
        event_id: Annotated[str | None, Query(max_length=40)] = None,
        cursor: Cursor = None,
        limit: Limit = DEFAULT_LIMIT,
    ) -> Response:
        filters = Filters(
            dispute_id=dispute_id, subject_type=subject_type, subject_id=subject_id, status=status, event_id=event_id
        )
        signed = filters_hash("notifications", principal.tenant, msgspec.structs.asdict(filters))
        after = None if cursor is None else _position(parts.cursors.decode(cursor, signed))
        async with reading(parts.pool, principal.tenant) as connection:
            rows = await page(connection, principal.tenant, filters, after, limit + 1)
        shown = rows[:limit]
        following = None
        if len(rows) > limit:
            last = shown[-1]
            following = parts.cursors.encode([last.now.cause_at.isoformat(), str(last.notification_id)], signed)
        return answer_page(request, await views_of(parts.vault, principal, shown), following)

    @router.get("/v1/notifications/{notification_id}", summary="One notification and what has happened to it")
    async def read_notification(
        request: Request,
        principal: Reader,
        notification_id: str,
        known_at: Annotated[
            datetime | None, Query(description="As it was known at this instant (RFC 3339, with an offset).")
        ] = None,
    ) -> Response:
        stream = _stream(notification_id)
        events = await parts.log.read_stream(principal.tenant, stream)
        if known_at is not None:
            instant = known_at if known_at.tzinfo is not None else known_at.replace(tzinfo=UTC)
            events = [event for event in events if event.recorded_at <= instant]
        found = history_of(events)
        if found.state.notice is None:
            raise not_found(f"notification {notification_id[:60]}")
        now = document_of(found.state)
        (address,) = await addresses_of(parts.vault, principal, [now.address])
        view = NotificationWithHistory(notification=view_of(stream, found.version, now, address), history=found.steps)
        return answer_version(request, view, found.version)

    return router


def _stream(notification_id: str) -> UUID:
    try:
        return parse_public_id("ntf", notification_id)
    except ValueError:
        raise not_found(f"notification {notification_id[:60]}") from None


def _position(values: Sequence[object]) -> tuple[datetime, UUID]:
    at, notification = values
    return datetime.fromisoformat(str(at)), UUID(str(notification))
