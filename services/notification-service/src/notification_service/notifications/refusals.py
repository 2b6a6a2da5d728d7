"""The reasons for which a notification refuses a command. Only the sender meets them, no caller of the API.

NotificationRefusal
├── NotAnnounced    not_announced      nothing is known under this id
├── NotDue          not_due            its next attempt has not come, or another sender holds it
├── LeaseOver       lease_over         its sender was silent for too long; another one may take it: nothing may begin
├── Finished        finished           its outcome is recorded; nothing more is tried
└── NotYours        attempt_taken_over the attempt was taken over by another sender; what this one saw is not recorded
"""

from datetime import datetime

from redress.refusal import Refusal


class NotificationRefusal(Refusal):
    """Any refusal of a notification."""


class NotAnnounced(NotificationRefusal):
    code = "not_announced"
    title = "No such notification"
    kind = "absent"

    def __init__(self) -> None:
        super().__init__("no such notification")


class NotDue(NotificationRefusal):
    code = "not_due"
    title = "Its turn has not come"
    kind = "conflict"

    def __init__(self, due_at: datetime) -> None:
        super().__init__(f"not before {due_at.isoformat()}")


class LeaseOver(NotificationRefusal):
    code = "lease_over"
    title = "The sender's lease has ended"
    kind = "conflict"

    def __init__(self, lease_until: datetime) -> None:
        super().__init__(f"it was in hand until {lease_until.isoformat()} only")


class Finished(NotificationRefusal):
    code = "finished"
    title = "Its outcome is recorded"
    kind = "conflict"

    def __init__(self, status: str) -> None:
        super().__init__(f"it is {status}")


class NotYours(NotificationRefusal):
    code = "attempt_taken_over"
    title = "Another sender has taken it"
    kind = "conflict"

    def __init__(self, attempt: int, current: int) -> None:
        super().__init__(f"attempt {attempt} is not the one in hand ({current})")
