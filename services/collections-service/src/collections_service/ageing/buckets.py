"""Ageing buckets: how late money is, in days past the basis date (due date, or document date when asked).

Source: domain reference §4, "Aging bucket". Open as of D means issued ≤ D < settled; days overdue = D - due date.
"""

from msgspec import Struct


class Bucket(Struct, frozen=True):
    """A span of days overdue, both ends included; None is without end."""

    name: str
    first_day: int | None
    last_day: int | None


BUCKETS = (
    Bucket("current", None, 0),
    Bucket("1-30", 1, 30),
    Bucket("31-60", 31, 60),
    Bucket("61-90", 61, 90),
    Bucket("91+", 91, None),
)
