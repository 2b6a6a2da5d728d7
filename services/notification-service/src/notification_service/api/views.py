"""What the API answers. Times are UTC; a state's `reason` is a code, `because` the same in words."""

from datetime import datetime
from uuid import UUID

from msgspec import Struct

from notification_service.notifications.current import CurrentNotification
from notification_service.notifications.state import Status
from notification_service.queries.history import Step
from notification_service.queries.notifications import NotificationRow
from notification_service.rules.plan import Rule
from notification_service.rules.reasons import meaning
from notification_service.wording.language import choose
from redress.ids import public_id


class NotificationView(Struct, frozen=True, kw_only=True):
    """A notification now. `address` is masked unless the caller may see addresses; None where there is none or it has
    been erased. `next_attempt_at` is set while it waits or is being sent."""

    id: str
    version: int
    event_id: str
    event_type: str
    event_recorded_at: datetime
    dispute_id: str
    rule: str
    policy: str
    template: str
    channel: str
    language: str | None
    recipient: str
    address: str | None
    status: str
    reason: str | None
    because: str | None
    explanation: str | None
    attempts: int
    next_attempt_at: datetime | None
    message_id: str | None
    server_code: str | None


class NotificationWithHistory(Struct, frozen=True, kw_only=True):
    notification: NotificationView
    history: tuple[Step, ...]


class RuleView(Struct, frozen=True):
    name: str
    says: str


class WhyNotification(Struct, frozen=True, kw_only=True):
    """One recipient's answer. `why` is for the person who asks."""

    recipient: str
    status: str
    reason: str | None
    why: str
    notification: NotificationView


class Why(Struct, frozen=True, kw_only=True):
    """Why somebody was or was not told about an event. `rules` are those that speak about its type."""

    event_id: str
    event_type: str
    dispute_id: str
    answer: str
    rules: tuple[RuleView, ...]
    notifications: tuple[WhyNotification, ...]


class DirectoryEntryView(Struct, frozen=True, kw_only=True):
    """Somebody who can be written to. None: the text has been erased."""

    id: str
    name: str | None
    email: str | None
    language: str
    lead: str | None


def notification_view(row: NotificationRow, address: str | None) -> NotificationView:
    return view_of(row.notification_id, row.version, row.now, address)


def view_of(notification_id: UUID, version: int, now: CurrentNotification, address: str | None) -> NotificationView:
    return NotificationView(
        id=public_id("ntf", notification_id),
        version=version,
        event_id=now.cause,
        event_type=now.cause_type,
        event_recorded_at=now.cause_at,
        dispute_id=now.dispute_id,
        rule=now.rule,
        policy=now.policy,
        template=now.template,
        channel=now.channel,
        language=None if now.address is None else choose(now.address.language).value,
        recipient=now.recipient,
        address=address,
        status=now.status,
        reason=now.reason,
        because=None if now.reason is None else meaning(now.reason),
        explanation=now.explanation,
        attempts=now.attempts,
        next_attempt_at=now.due_at,
        message_id=now.message_id,
        server_code=now.server_code,
    )


def rule_view(rule: Rule) -> RuleView:
    return RuleView(rule.name, f"{rule.event_type} is told to {rule.tells}")


def masked(address: str | None) -> str | None:
    """m***@kunde.example: enough to recognise one's own, not enough to write to."""
    if address is None:
        return None
    local, at, domain = address.rpartition("@")
    return f"{local[:1]}***{at}{domain}" if at else "***"


def why_sentence(now: CurrentNotification) -> str:
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
