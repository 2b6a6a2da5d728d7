"""The commands to a notification, from the inbox (the first) and from the sender (the rest)."""

from datetime import datetime

from msgspec import Struct

from notification_service.notices.notice import Notice
from notification_service.notices.reasons import Reason


class Announce(Struct, frozen=True, kw_only=True):
    """Queue it, or with `skip` record why it is not sent."""

    notice: Notice
    explanation: str
    skip: Reason | None = None


class StartSending(Struct, frozen=True, kw_only=True):
    """Take it for one attempt; no other sender may before `lease_until`."""

    lease_until: datetime


class ContinueSending(Struct, frozen=True, kw_only=True):
    """The taker is not done yet and keeps it until a later `lease_until`."""

    attempt: int
    lease_until: datetime


class StartHandover(Struct, frozen=True, kw_only=True):
    """The next byte on the wire is the mail itself."""

    attempt: int
    message_id: str
    language: str
    wording: str
    rendered_sha256: str


class Acceptance(Struct, frozen=True, kw_only=True):
    """The server said yes."""

    message_id: str
    server_code: str


class Deferral(Struct, frozen=True, kw_only=True):
    """It was certainly not handed over, and may be tried again."""

    reason: Reason
    server_code: str | None = None


class PermanentFailure(Struct, frozen=True, kw_only=True):
    """It was certainly not handed over, and trying again would not help."""

    reason: Reason
    detail: str
    server_code: str | None = None


class UnknownOutcome(Struct, frozen=True, kw_only=True):
    """It may have been handed over."""

    reason: Reason


class MootNotice(Struct, frozen=True, kw_only=True):
    """It should not be sent any more."""

    reason: Reason
    explanation: str


AttemptOutcome = Acceptance | Deferral | PermanentFailure | UnknownOutcome | MootNotice


class RecordOutcome(Struct, frozen=True, kw_only=True):
    """The outcome of one attempt."""

    attempt: int
    outcome: AttemptOutcome


NotificationCommand = Announce | StartSending | ContinueSending | StartHandover | RecordOutcome
