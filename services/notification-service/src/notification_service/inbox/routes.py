"""Why somebody was or was not told about an event that was received."""

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from msgspec import Struct
from starlette.responses import Response

from notification_service.inbox.received_events import ReceivedEventRow, received_event_row
from notification_service.notices.names import canonical
from notification_service.notices.notice import Subject, dispute_id_of
from notification_service.notices.plan import Rule, Rules
from notification_service.notices.reasons import meaning
from notification_service.notifications.document import NotificationDocument
from notification_service.notifications.list import NotificationRow, about
from notification_service.notifications.state import Status
from notification_service.notifications.views import NotificationView, views_of
from redress.service.feature import ApiParts
from redress.web.answers import answer
from redress.web.auth import Principal, requires
from redress.web.bodies import VISIBLE
from redress.web.openapi import answers
from redress.web.problem import not_found

Reader = Annotated[Principal, Depends(requires("notifications:read"))]
EventId = Annotated[str, Query(max_length=40, pattern=VISIBLE, description="The published event, `evt_…`.")]
Recipient = Annotated[
    str | None,
    Query(
        max_length=254,
        pattern=VISIBLE,
        description="A recipient as notifications name them, or an e-mail address; omit for all.",
    ),
]


class RuleView(Struct, frozen=True):
    name: str
    says: str


class RecipientExplanation(Struct, frozen=True, kw_only=True):
    """One recipient's answer. `why` is for the person who asks."""

    recipient: str
    status: str
    reason: str | None
    why: str
    notification: NotificationView


class NoticeExplanation(Struct, frozen=True, kw_only=True):
    """Why somebody was or was not told about an event. `rules` are those that speak about its type."""

    event_id: str
    event_type: str
    dispute_id: str | None
    subject: Subject
    answer: str
    rules: tuple[RuleView, ...]
    notifications: tuple[RecipientExplanation, ...]


def why_routes(parts: ApiParts[Any], rules: Rules) -> APIRouter:
    """Registered before the notifications' own routes: `why` is no id."""
    router = APIRouter(tags=["notifications"])

    @router.get(
        "/v1/notifications/why", summary="Why somebody was or was not told about an event", response_class=Response
    )
    @answers(NoticeExplanation, problems=["not_found"])
    async def read_why(principal: Reader, event_id: EventId, recipient: Recipient = None) -> Response:
        return answer(await _why(parts, rules, principal, event_id, recipient))

    @router.get("/v1/why", include_in_schema=False)
    async def read_why_short(principal: Reader, event_id: EventId, recipient: Recipient = None) -> Response:
        return answer(await _why(parts, rules, principal, event_id, recipient))

    return router


async def _why(
    parts: ApiParts[Any], rules: Rules, principal: Principal, event_id: str, recipient: str | None
) -> NoticeExplanation:
    names = None
    if recipient is not None:
        names = [canonical(recipient), parts.vault.person_of_email(principal.tenant, recipient)]
    async with parts.reads.of(principal.tenant) as connection:
        received = await received_event_row(connection, principal.tenant, event_id)
        if received is None:
            raise not_found(f"event {event_id} that has been received here")
        rows = await about(connection, principal.tenant, event_id, names)
    speaking = rules.about(received.source, received.type)
    views = await views_of(parts.vault, principal, rows)
    return NoticeExplanation(
        event_id=received.event_id,
        event_type=received.type,
        dispute_id=dispute_id_of(received.subject),
        subject=received.subject,
        answer=_answer(received, rows, has_rules=bool(speaking), recipient=recipient),
        rules=tuple(rule_view(rule) for rule in speaking),
        notifications=tuple(
            RecipientExplanation(
                recipient=row.now.recipient,
                status=row.now.status,
                reason=row.now.reason,
                why=why_sentence(row.now),
                notification=view,
            )
            for row, view in zip(rows, views, strict=True)
        ),
    )


def _answer(
    received: ReceivedEventRow, rows: Sequence[NotificationRow], *, has_rules: bool, recipient: str | None
) -> str:
    """The answer in one or two sentences."""
    if not has_rules:
        return f"No rule speaks about {received.type}: nobody is told about such events."
    if rows:
        return " ".join(why_sentence(row.now) for row in rows)
    if recipient is not None:
        return f"The rules about {received.type} did not name this recipient."
    return f"The rules about {received.type} have not been applied to this event yet."


def rule_view(rule: Rule[Any, Any]) -> RuleView:
    return RuleView(rule.name, f"{rule.event_type} is told to {rule.tells}")


def why_sentence(now: NotificationDocument) -> str:
    """The state of a notification as an answer to "why did I (not) get this?"."""
    because = "" if now.reason is None else meaning(now.reason)
    match Status(now.status):
        case Status.SENT:
            start = f"It was sent (attempt {now.attempts}): the mail server has taken it over."
        case Status.SKIPPED:
            start = f"It was not sent, because {because}."
        case Status.FAILED:
            start = f"It could not be sent, because {because}."
        case Status.UNKNOWN:
            start = f"Nobody can tell whether it arrived, because {because}; it is not sent again by itself."
        case Status.SENDING:
            start = f"It is being sent (attempt {now.attempts})."
        case _:
            waits = "" if now.due_at is None else f", not before {now.due_at:%Y-%m-%d %H:%M:%S} UTC"
            start = f"It waits to be sent{waits}" + (f", because {because}." if because else ".")
    return f"{start} Rule {now.rule} of {now.policy}: {now.explanation}." if now.explanation else start
