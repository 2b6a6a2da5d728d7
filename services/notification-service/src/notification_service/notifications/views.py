"""A notification as the API answers it. Times are UTC; a state's `reason` is a code, `because` the same in words."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from msgspec import Struct

from notification_service.notices.notice import Address, Subject, dispute_id_of
from notification_service.notices.reasons import meaning
from notification_service.notifications.document import NotificationDocument
from notification_service.notifications.history import Step
from notification_service.notifications.list import NotificationRow
from notification_service.wording.language import choose
from redress.eventlog.vault import Vault
from redress.ids import public_id
from redress.web.auth import Principal

SEES_ADDRESSES = "notifications:addresses"


class NotificationView(Struct, frozen=True, kw_only=True):
    """A notification now. `address` is masked unless the caller may see addresses; None where there is none or it has
    been erased. `next_attempt_at` is set while it waits or is being sent. `dispute_id` is None where the subject is
    no dispute."""

    id: str
    version: int
    event_id: str
    event_type: str
    event_recorded_at: datetime
    dispute_id: str | None
    subject: Subject
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


def view_of(notification_id: UUID, version: int, now: NotificationDocument, address: str | None) -> NotificationView:
    return NotificationView(
        id=public_id("ntf", notification_id),
        version=version,
        event_id=now.cause,
        event_type=now.cause_type,
        event_recorded_at=now.cause_at,
        dispute_id=dispute_id_of(now.subject),
        subject=now.subject,
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


def masked(address: str | None) -> str | None:
    """m***@kunde.example: enough to recognise one's own, not enough to write to."""
    if address is None:
        return None
    local, at, domain = address.rpartition("@")
    return f"{local[:1]}***{at}{domain}" if at else "***"


async def views_of(vault: Vault, principal: Principal, rows: Sequence[NotificationRow]) -> list[NotificationView]:
    """The rows as this caller may see them."""
    addresses = await addresses_of(vault, principal, [row.now.address for row in rows])
    return [view_of(row.notification_id, row.version, row.now, at) for row, at in zip(rows, addresses, strict=True)]


async def addresses_of(vault: Vault, principal: Principal, sealed: Sequence[Address | None]) -> list[str | None]:
    """The addresses as this caller may see them: whole with the permission, masked without."""
    present = [address.email for address in sealed if address is not None]
    opened = iter(await vault.open_many(principal.tenant, present) if present else [])
    plain = [None if address is None else next(opened) for address in sealed]
    return plain if SEES_ADDRESSES in principal.permissions else [masked(address) for address in plain]
