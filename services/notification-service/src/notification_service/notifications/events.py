"""The events of one notification."""

from datetime import datetime
from typing import Any, Final

import msgspec
from msgspec import Raw, Struct

from notification_service.notices.notice import DISPUTE, Notice
from notification_service.notices.reasons import Reason
from redress.codec import Codec, fields_added


class NotificationQueued(Struct, frozen=True, kw_only=True):
    """It is to be sent. `explanation` is the rule's decision in words."""

    notice: Notice
    explanation: str


class NotificationSuppressed(Struct, frozen=True, kw_only=True):
    """It is not sent, and that was clear when the event was heard."""

    notice: Notice
    reason: Reason
    explanation: str


class SendingStarted(Struct, frozen=True, kw_only=True):
    """A sender has taken it; the attempt counts from here, whatever its outcome.

    No other sender may take it before `lease_until`. `after` is why it was waiting again, None on the first attempt.
    """

    attempt: int
    lease_until: datetime
    after: Reason | None = None


class SendingContinued(Struct, frozen=True, kw_only=True):
    """The sender is still at work: no other one may take it before `lease_until`."""

    attempt: int
    lease_until: datetime


class HandoverStarted(Struct, frozen=True, kw_only=True):
    """The mail stands worded, the server has taken sender and recipient, and the next byte is the mail itself.

    Written before the first byte: a sender that dies before this may be replaced, one that dies after it leaves
    a mail of unknown outcome. `rendered_sha256` is of the bytes handed over, `wording` the template and version.
    """

    attempt: int
    message_id: str
    language: str
    wording: str
    rendered_sha256: str


class SendingPostponed(Struct, frozen=True, kw_only=True):
    """This attempt did not hand it over; the next one may begin at `retry_at`.

    `server_code` is the mail server's answer as numbers ("451 4.7.1"): its words may name people and are not kept.
    """

    attempt: int
    reason: Reason
    retry_at: datetime
    server_code: str | None = None


class NotificationSent(Struct, frozen=True, kw_only=True):
    """The mail server has taken it over and said so."""

    attempt: int
    message_id: str
    server_code: str


class NotificationFailed(Struct, frozen=True, kw_only=True):
    """It will not be sent any more. `detail` says what was wrong, without anything personal."""

    attempt: int
    reason: Reason
    detail: str
    server_code: str | None = None


class OutcomeUnknown(Struct, frozen=True, kw_only=True):
    """The server may or may not have taken it. It is not sent again by itself (RFC 1047, RFC 5321 §6.1)."""

    attempt: int
    reason: Reason


class NotificationSkipped(Struct, frozen=True, kw_only=True):
    """Found not worth sending when its turn came. `explanation` says what had happened."""

    attempt: int
    reason: Reason
    explanation: str


NotificationEvent = (
    NotificationQueued
    | NotificationSuppressed
    | SendingStarted
    | SendingContinued
    | HandoverStarted
    | SendingPostponed
    | NotificationSent
    | NotificationFailed
    | OutcomeUnknown
    | NotificationSkipped
)


def _about_a_dispute(stored: dict[str, Any]) -> dict[str, Any]:
    """Version 1 knew disputes only, and its facts named their own type."""
    notice = dict(stored["notice"])
    facts = {name: value for name, value in notice["facts"].items() if name != "type"}
    notice["subject"] = {"type": DISPUTE, "id": notice.pop("dispute_id")}
    notice["facts"] = Raw(msgspec.json.encode(facts))
    return {**stored, "notice": notice}


# Stored names and versions. A stored name never changes.
NOTIFICATION_CODEC: Final[Codec[NotificationEvent]] = Codec(
    {
        "notification-queued": (3, NotificationQueued),
        "notification-suppressed": (3, NotificationSuppressed),
        "sending-started": (1, SendingStarted),
        "sending-continued": (1, SendingContinued),
        "handover-started": (1, HandoverStarted),
        "sending-postponed": (1, SendingPostponed),
        "notification-sent": (1, NotificationSent),
        "notification-failed": (1, NotificationFailed),
        "outcome-unknown": (1, OutcomeUnknown),
        "notification-skipped": (1, NotificationSkipped),
    },
    {
        ("notification-queued", 1): _about_a_dispute,
        ("notification-queued", 2): fields_added,
        ("notification-suppressed", 1): _about_a_dispute,
        ("notification-suppressed", 2): fields_added,
    },
)
