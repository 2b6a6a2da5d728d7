"""Who was told what, and why, or why not."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Literal
from uuid import UUID

import msgspec
from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response

from notification_service.api.directory import canonical
from notification_service.api.parts import Parts
from notification_service.api.views import (
    NotificationView,
    NotificationWithHistory,
    Why,
    WhyNotification,
    masked,
    notification_view,
    rule_view,
    view_of,
    why_sentence,
)
from notification_service.notifications.current import CurrentNotification, current
from notification_service.projections.heard_events import HeardEvent, heard_event
from notification_service.queries import history, notifications
from notification_service.queries.notifications import Filters, NotificationRow
from notification_service.queries.reading import reading
from notification_service.rules.notice import Address
from notification_service.rules.plan import rules_about
from redress.ids import parse_public_id
from redress.web.answers import answer, answer_page, answer_version
from redress.web.auth import Principal, requires
from redress.web.pages import DEFAULT_LIMIT, Cursor, Limit, filters_hash
from redress.web.problem import not_found

Reader = Annotated[Principal, Depends(requires("notifications:read"))]
SEES_ADDRESSES = "notifications:addresses"

_decoder = msgspec.json.Decoder(CurrentNotification)

Status = Literal["queued", "sending", "sent", "failed", "unknown", "skipped"]
EventId = Annotated[str, Query(max_length=40, description="The published event, `evt_…`.")]
Recipient = Annotated[
    str | None,
    Query(max_length=254, description="A recipient as notifications name them, or an e-mail address; omit for all."),
]


def notification_routes(parts: Parts) -> APIRouter:
    router = APIRouter(tags=["notifications"])

    @router.get("/v1/notifications", summary="Notifications, those about the newest events first")
    async def list_notifications(
        request: Request,
        principal: Reader,
        *,
        dispute_id: Annotated[str | None, Query(max_length=60)] = None,
        status: Annotated[Status | None, Query()] = None,
        event_id: Annotated[str | None, Query(max_length=40)] = None,
        cursor: Cursor = None,
        limit: Limit = DEFAULT_LIMIT,
    ) -> Response:
        filters = Filters(dispute_id=dispute_id, status=status, event_id=event_id)
        signed = filters_hash("notifications", principal.tenant, msgspec.structs.asdict(filters))
        after = None if cursor is None else _position(parts.cursors.decode(cursor, signed))
        async with reading(parts.pool, principal.tenant) as connection:
            rows = await notifications.page(connection, principal.tenant, filters, after, limit + 1)
        shown = rows[:limit]
        following = None
        if len(rows) > limit:
            last = shown[-1]
            following = parts.cursors.encode([last.now.cause_at.isoformat(), str(last.notification_id)], signed)
        return answer_page(request, await _views(parts, principal, shown), following)

    @router.get("/v1/notifications/why", summary="Why somebody was or was not told about an event")
    async def read_why(principal: Reader, event_id: EventId, recipient: Recipient = None) -> Response:
        return answer(await _why(parts, principal, event_id, recipient))

    @router.get("/v1/why", include_in_schema=False)
    async def read_why_short(principal: Reader, event_id: EventId, recipient: Recipient = None) -> Response:
        return answer(await _why(parts, principal, event_id, recipient))

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
        told = history.told(events)
        shown = current(stream, told.version, told.state)
        if shown is None:
            raise not_found(f"notification {notification_id[:60]}")
        now = _decoder.decode(shown)
        (address,) = await _addresses(parts, principal, [now.address])
        view = NotificationWithHistory(notification=view_of(stream, told.version, now, address), history=told.steps)
        return answer_version(request, view, told.version)

    return router


async def _why(parts: Parts, principal: Principal, event_id: str, recipient: str | None) -> Why:
    names = None
    if recipient is not None:
        names = [canonical(recipient), parts.vault.person_of_email(principal.tenant, recipient)]
    async with reading(parts.pool, principal.tenant) as connection:
        heard = await heard_event(connection, principal.tenant, event_id)
        if heard is None:
            raise not_found(f"dispute event {event_id} that has been heard here")
        rows = await notifications.about(connection, principal.tenant, event_id, names)
    rules = rules_about(heard.type)
    views = await _views(parts, principal, rows)
    return Why(
        event_id=heard.event_id,
        event_type=heard.type,
        dispute_id=heard.dispute_id,
        answer=_answer(heard, rows, has_rules=bool(rules), recipient=recipient),
        rules=tuple(rule_view(rule) for rule in rules),
        notifications=tuple(
            WhyNotification(
                recipient=row.now.recipient,
                status=row.now.status,
                reason=row.now.reason,
                why=why_sentence(row.now),
                notification=view,
            )
            for row, view in zip(rows, views, strict=True)
        ),
    )


def _answer(heard: HeardEvent, rows: Sequence[NotificationRow], *, has_rules: bool, recipient: str | None) -> str:
    """The answer in one or two sentences."""
    if not has_rules:
        return f"No rule speaks about {heard.type}: nobody is told about such events."
    if rows:
        return " ".join(why_sentence(row.now) for row in rows)
    if recipient is not None:
        return f"The rules about {heard.type} did not name this recipient."
    return f"The rules about {heard.type} have not been applied to this event yet."


async def _views(parts: Parts, principal: Principal, rows: Sequence[NotificationRow]) -> list[NotificationView]:
    addresses = await _addresses(parts, principal, [row.now.address for row in rows])
    return [notification_view(row, address) for row, address in zip(rows, addresses, strict=True)]


async def _addresses(parts: Parts, principal: Principal, sealed: Sequence[Address | None]) -> list[str | None]:
    """The addresses as this caller may see them: whole with the permission, masked without."""
    present = [address.email for address in sealed if address is not None]
    opened = iter(await parts.vault.open_many(principal.tenant, present) if present else [])
    plain = [None if address is None else next(opened) for address in sealed]
    return plain if SEES_ADDRESSES in principal.permissions else [masked(address) for address in plain]


def _stream(notification_id: str) -> UUID:
    try:
        return parse_public_id("ntf", notification_id)
    except ValueError:
        raise not_found(f"notification {notification_id[:60]}") from None


def _position(values: Sequence[object]) -> tuple[datetime, UUID]:
    at, notification = values
    return datetime.fromisoformat(str(at)), UUID(str(notification))
