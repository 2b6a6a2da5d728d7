"""Fields that request bodies are made of: every field bounded, nothing unknown accepted, every wrong place named."""

import re
from datetime import UTC, date, datetime
from typing import Annotated, Self

from pydantic import (
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    StringConstraints,
    field_validator,
    model_validator,
)

from redress.money import Money, MoneyError, parse_money

EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
MAX_TEXT = 10_000

# Names and numbers of other systems: any characters a person can see, no line breaks, no control characters.
VISIBLE = r"^[^\x00-\x1f\x7f-\x9f]+$"
_TEXT = r"^[^\x00]+$"
Identifier = Annotated[str, StringConstraints(min_length=1, max_length=64, strip_whitespace=True, pattern=VISIBLE)]
Name = Annotated[str, StringConstraints(min_length=1, max_length=200, strip_whitespace=True, pattern=VISIBLE)]
Sentence = Annotated[str, StringConstraints(min_length=1, max_length=500, strip_whitespace=True, pattern=_TEXT)]
Text = Annotated[str, StringConstraints(min_length=1, max_length=MAX_TEXT, strip_whitespace=True, pattern=_TEXT)]

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


def _calendar_date(value: object) -> object:
    """pydantic takes Unix seconds and instants for dates too."""
    if (isinstance(value, str) and not _DATE.fullmatch(value)) or isinstance(value, int | float):
        raise ValueError("must be a date, YYYY-MM-DD")
    return value


BusinessDate = Annotated[date, BeforeValidator(_calendar_date)]
"""A calendar date in a body, as RFC 3339 writes it."""


class Body(BaseModel):
    """A request body: immutable, and a field it does not know is refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class EffectiveBody(Body):
    """`effective_at` is when it counts in the books: now when absent, earlier when it is recorded late."""

    effective_at: AwareDatetime | None = None

    @field_validator("effective_at")
    @classmethod
    def _in_this_age(cls, value: datetime | None) -> datetime | None:
        if value is not None and value < EARLIEST:
            raise ValueError(f"must not be before {EARLIEST.isoformat()}")
        return value

    def at(self, now: datetime) -> datetime:
        return now if self.effective_at is None else self.effective_at.astimezone(UTC)


class MoneyBody(Body):
    """Exact money: decimal text in the currency's own precision, and the ISO 4217 code."""

    amount: Annotated[str, StringConstraints(max_length=24, pattern=r"^\d{1,16}(\.\d{1,4})?$")]
    currency: Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]

    @model_validator(mode="after")
    def _exact(self) -> Self:
        try:
            parse_money(self.amount, self.currency)
        except MoneyError as wrong:
            raise ValueError(str(wrong)) from None
        return self

    @property
    def money(self) -> Money:
        return parse_money(self.amount, self.currency)
