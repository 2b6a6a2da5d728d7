"""The body that publishes a resolution matrix."""

from typing import Annotated, Self

from pydantic import Field, StringConstraints, model_validator

from dispute_service.routing.matrix import MAX_RULES, MAX_SLA_HOURS
from redress.money import MoneyError, parse_money
from redress.web.bodies import Body, BusinessId, Identifier, Name, Sentence


class BandBody(Body):
    """Amounts of one currency, from `at_least` (included) to `below` (excluded)."""

    currency: Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]
    at_least: Annotated[str, StringConstraints(max_length=24)] | None = None
    below: Annotated[str, StringConstraints(max_length=24)] | None = None

    @model_validator(mode="after")
    def _exact(self) -> Self:
        for amount in (self.at_least, self.below):
            if amount is not None:
                try:
                    parse_money(amount, self.currency)
                except MoneyError as wrong:
                    raise ValueError(str(wrong)) from None
        return self


class RuleBody(Body):
    rule_id: Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
    reason_codes: Annotated[list[Annotated[str, StringConstraints(max_length=40)]], Field(min_length=1, max_length=40)]
    legal_entities: list[BusinessId] = Field(default=["*"], min_length=1, max_length=100)
    band: BandBody | None = None
    team: Name
    owner: Name | None = None
    backup: Name | None = None
    sla_hours: int = Field(ge=1, le=MAX_SLA_HOURS, strict=True, description="working hours of the rule's calendar")
    calendar: Identifier


class CalendarBody(Body):
    """Working hours of Monday to Friday (or the country's own working days) in a time zone, without its holidays."""

    country: Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")]
    subdivision: Annotated[str, StringConstraints(pattern=r"^[A-Z0-9]{1,3}$")] | None = None
    time_zone: Annotated[str, StringConstraints(min_length=1, max_length=60)]
    opens: Annotated[str, StringConstraints(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")]
    closes: Annotated[str, StringConstraints(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")]


class MatrixBody(Body):
    """A whole matrix: the first rule that fits decides, and the last one fits everything."""

    rules: Annotated[list[RuleBody], Field(min_length=1, max_length=MAX_RULES)]
    calendars: Annotated[dict[Identifier, CalendarBody], Field(min_length=1, max_length=20)]
    comment: Sentence | None = None
