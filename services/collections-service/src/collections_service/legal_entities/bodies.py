"""The body that describes a legal entity."""

from datetime import time
from typing import Annotated, Self

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from redress.business_day import is_zone
from redress.calendars import BusinessCalendar, CalendarError
from redress.money import MoneyError, minor_digits
from redress.web.bodies import VISIBLE, Body, Name

MAX_ADDRESS_LINES = 6
_CLOCK = r"^([01]\d|2[0-3]):[0-5]\d$"
_MAILBOX = r"^[^\s@<>,;:\"()\[\]\\]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,188}[A-Za-z0-9])?$"


def _listed_zone(name: str) -> str:
    if not is_zone(name):
        raise ValueError("must be a time zone of the IANA database, such as America/New_York")
    return name


def _currency(code: str) -> str:
    try:
        minor_digits(code)
    except MoneyError as wrong:
        raise ValueError(str(wrong)) from None
    return code


class WorkingHoursBody(Body):
    """The working days of a country or of a part of it, and the hours of each, by the clocks of the entity's zone."""

    country: Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")] = Field(examples=["US"])
    subdivision: Annotated[str, StringConstraints(pattern=r"^[A-Z0-9]{1,3}$")] | None = Field(
        default=None, examples=["NY"]
    )
    opens: Annotated[str, StringConstraints(pattern=_CLOCK)] = Field(default="09:00", examples=["09:00"])
    closes: Annotated[str, StringConstraints(pattern=_CLOCK)] = Field(default="17:00", examples=["17:00"])

    @model_validator(mode="after")
    def _exists(self) -> Self:
        opens, closes = time.fromisoformat(self.opens), time.fromisoformat(self.closes)
        try:
            BusinessCalendar(self.country, self.subdivision, "UTC", opens, closes)
        except CalendarError as wrong:
            raise ValueError(str(wrong)) from None
        return self


class SenderBody(Body):
    """Name and address under the mails that are about the entity, and where their answers go."""

    name: Name = Field(examples=["Redress Inc."])
    address: Annotated[
        list[Annotated[str, StringConstraints(min_length=1, max_length=100, strip_whitespace=True, pattern=VISIBLE)]],
        Field(max_length=MAX_ADDRESS_LINES),
    ] = Field(default=[], examples=[["350 Fifth Avenue", "New York, NY 10118"]])
    reply_to: Annotated[str, StringConstraints(max_length=254, pattern=_MAILBOX)] | None = Field(
        default=None, examples=["ar@redress.example"]
    )


class LegalEntityBody(Body):
    """The whole entity as it should be."""

    zone: Annotated[str, StringConstraints(min_length=1, max_length=60), AfterValidator(_listed_zone)] = Field(
        examples=["America/New_York"]
    )
    calendar: WorkingHoursBody
    currency: Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$"), AfterValidator(_currency)] = Field(
        examples=["USD"]
    )
    sender: SenderBody
