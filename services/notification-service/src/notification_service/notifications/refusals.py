"""Why a notification does not do what was asked.

NotificationRefusal
├── NotAnnounced    nothing is known under this id
├── NotDue          its next attempt has not come, or another sender holds it
├── LeaseOver       its sender was silent for too long; another one may take it, so nothing may be begun
├── Finished        its outcome is recorded; nothing more is tried
└── NotYours        the attempt was taken over by another sender; what this one saw is not recorded
"""

from datetime import datetime


class NotificationRefusal(Exception):
    """Any refusal of a notification."""


class NotAnnounced(NotificationRefusal):
    def __init__(self) -> None:
        super().__init__("no such notification")


class NotDue(NotificationRefusal):
    def __init__(self, due_at: datetime) -> None:
        super().__init__(f"not before {due_at.isoformat()}")
        self.due_at = due_at


class LeaseOver(NotificationRefusal):
    def __init__(self, lease_until: datetime) -> None:
        super().__init__(f"it was in hand until {lease_until.isoformat()} only")
        self.lease_until = lease_until


class Finished(NotificationRefusal):
    def __init__(self, status: str) -> None:
        super().__init__(f"it is {status}")
        self.status = status


class NotYours(NotificationRefusal):
    def __init__(self, attempt: int, current: int) -> None:
        super().__init__(f"attempt {attempt} is not the one in hand ({current})")
        self.attempt = attempt
        self.current = current
