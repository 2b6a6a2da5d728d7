"""The number of attempts of a mail and the pauses between them."""

from datetime import timedelta

from msgspec import Struct

SENDING_POLICY = "sending@1"


class SendingPolicy(Struct, frozen=True, kw_only=True):
    """`pauses` are the waits after the first, second, … failed attempt; one more attempt than pauses is made."""

    name: str = SENDING_POLICY
    # Nine attempts over a day and a half: longer than a weekend night's outage of a mail server, and greylisting
    # (5 to 15 minutes, RFC 6647) is passed by the third.
    pauses: tuple[timedelta, ...] = (
        timedelta(seconds=15),
        timedelta(minutes=2),
        timedelta(minutes=10),
        timedelta(minutes=30),
        timedelta(hours=2),
        timedelta(hours=5),
        timedelta(hours=10),
        timedelta(hours=18),
    )

    @property
    def max_attempts(self) -> int:
        return len(self.pauses) + 1
