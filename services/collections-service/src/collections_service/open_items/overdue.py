"""Words about an invoice that lists and answers share. Pure."""

from datetime import date
from typing import Final

NOT_ISSUED: Final = "not_issued"
"""Of an invoice whose issue date lies behind the day that is asked about: nothing of it is owed yet. Lists leave it
out."""


def status(open_minor: int) -> str:
    return "open" if open_minor > 0 else "settled"


def days_overdue(open_minor: int, as_of: date, due_on: date) -> int:
    """Below 1 if it is not due. Nothing is overdue of a settled invoice."""
    return (as_of - due_on).days if open_minor > 0 else 0
