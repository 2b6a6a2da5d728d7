"""Is a waiting notice still worth sending? It is asked again right before the mail leaves, per type of subject."""

from msgspec import Struct

from notification_service.notices.reasons import Reason


class Mootness(Struct, frozen=True):
    """Not worth sending any more, and why, in words."""

    reason: Reason
    explanation: str
