"""Fields that request bodies are made of: every field bounded, nothing unknown accepted, every wrong place named."""

import re
from datetime import UTC, date, datetime
from typing import Annotated, Self

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    StringConstraints,
    WithJsonSchema,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from redress import business_ids
from redress.money import Money, MoneyError, parse_money

EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
MAX_TEXT = 10_000

# Names and numbers of other systems: any characters a person can see, no line breaks, no control characters.
VISIBLE = r"^[^\x00-\x1f\x7f-\x9f]+$"
_TEXT = r"^[^\x00]+$"


def _without_flaw(value: str) -> str:
    if flaw := business_ids.flaw_of(value):
        raise PydanticCustomError("business_id", "{flaw}", {"flaw": flaw, "expected": business_ids.ALLOWED})
    return value


Identifier = Annotated[str, StringConstraints(min_length=1, max_length=64, strip_whitespace=True, pattern=VISIBLE)]
BusinessId = Annotated[
    str,
    AfterValidator(_without_flaw),
    WithJsonSchema(
        {
            "type": "string",
            "minLength": 1,
            "maxLength": business_ids.MAX_LENGTH,
            "pattern": business_ids.PATTERN,
            "description": f"{business_ids.ALLOWED}.",
        }
    ),
]
"""An id that the services share, in a body: what is not acceptable is refused in words, and nothing is stripped."""
KnownId = Annotated[str, StringConstraints(min_length=1, max_length=business_ids.MAX_LENGTH, pattern=VISIBLE)]
"""Such an id in a path or a filter. White space at its ends is let through: what was posted while the ERP's door still
took it is found by the name it has."""
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
