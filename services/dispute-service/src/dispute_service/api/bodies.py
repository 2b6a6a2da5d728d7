"""What comes in over HTTP: every field bounded, nothing unknown accepted, every wrong place named."""

from datetime import UTC, date, datetime
from typing import Annotated, Literal, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, field_validator, model_validator

from dispute_service.disputes.decisions import HIGHEST_LEVEL, MAX_ITEMS
from dispute_service.policies.matrix import MAX_RULES, MAX_SLA_HOURS
from dispute_service.policies.reasons import REASON_BY_CODE, RESOLUTION_CODES, ROOT_CAUSES
from redress.money import Money, MoneyError, parse_money

EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
MAX_TEXT = 10_000
MAX_INVOICES = 15  # each is a stream of its own, and one append takes twenty

# Names and numbers of other systems: any characters a person can see, no line breaks, no control characters.
VISIBLE = r"^[^\x00-\x1f\x7f-\x9f]+$"
_TEXT = r"^[^\x00]+$"
Identifier = Annotated[str, StringConstraints(min_length=1, max_length=64, strip_whitespace=True, pattern=VISIBLE)]
Name = Annotated[str, StringConstraints(min_length=1, max_length=200, strip_whitespace=True, pattern=VISIBLE)]
Sentence = Annotated[str, StringConstraints(min_length=1, max_length=500, strip_whitespace=True, pattern=_TEXT)]
Text = Annotated[str, StringConstraints(min_length=1, max_length=MAX_TEXT, strip_whitespace=True, pattern=_TEXT)]
Word = Annotated[str, StringConstraints(min_length=1, max_length=40, pattern=r"^[a-z][a-z0-9_-]*$")]
Email = Annotated[
    str,
    StringConstraints(
        max_length=254, strip_whitespace=True, pattern=r"^[^@\s\x00-\x1f\x7f]{1,64}@[^@\s\x00-\x1f\x7f]+$"
    ),
]


def _must_be_listed(value: str, allowed: tuple[str, ...], what: str) -> str:
    if value not in allowed:
        raise ValueError(f"{value[:60]!r} is not a {what}; allowed: {', '.join(allowed)}")
    return value


def _root_cause(value: str) -> str:
    """People write "price maintenance"; the code is PRICE_MAINTENANCE."""
    code = value.strip().upper().replace(" ", "_").replace("-", "_")
    return _must_be_listed(code, tuple(cause.code for cause in ROOT_CAUSES), "root cause")


class Body(BaseModel):
    """A request body: immutable, and a field it does not know is refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Effective(Body):
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


class ItemBody(Body):
    invoice_id: Identifier
    line: Identifier | None = None
    amount: MoneyBody


class ContactBody(Body):
    """Whom to write to. `language` is the language of the letters: en or de."""

    name: Name
    email: Email
    language: Literal["en", "de"] = "en"


class OpenBody(Effective):
    customer_id: Identifier
    items: Annotated[list[ItemBody], Field(min_length=1, max_length=MAX_ITEMS)]
    reason_code: str = Field(max_length=40)
    description: Text | None = None
    origin: Word
    external_reason: Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=VISIBLE)] | None = None
    contact: ContactBody | None = None

    @field_validator("reason_code")
    @classmethod
    def _reason(cls, value: str) -> str:
        return _must_be_listed(value, tuple(REASON_BY_CODE), "reason code")

    @field_validator("items")
    @classmethod
    def _few_invoices(cls, value: list[ItemBody]) -> list[ItemBody]:
        if len({item.invoice_id for item in value}) > MAX_INVOICES:
            raise ValueError(f"a dispute contests at most {MAX_INVOICES} invoices; open several disputes")
        return value


class ClassifyBody(Effective):
    reason_code: str = Field(max_length=40)
    root_cause: str | None = Field(default=None, max_length=40)

    @field_validator("reason_code")
    @classmethod
    def _reason(cls, value: str) -> str:
        return _must_be_listed(value, tuple(REASON_BY_CODE), "reason code")

    @field_validator("root_cause")
    @classmethod
    def _cause(cls, value: str | None) -> str | None:
        return None if value is None else _root_cause(value)


class AssignBody(Effective):
    """Neither owner nor team: the resolution matrix decides."""

    owner: Name | None = None
    team: Name | None = None
    reason: Sentence | None = None


class RequestInformationBody(Effective):
    asked: Literal["customer", "department"] = Field(alias="from")
    what: Text
    due: date

    @field_validator("due")
    @classmethod
    def _soon(cls, value: date) -> date:
        if not 1970 <= value.year <= 2200:
            raise ValueError("must be a date between 1970 and 2200")
        return value


class RecordInformationBody(Effective):
    text: Text


class AddNoteBody(Effective):
    text: Text
    visibility: Literal["internal", "customer"] = "internal"


class DecideBody(Effective):
    valid: MoneyBody
    invalid: MoneyBody
    root_cause: str = Field(max_length=40)
    rationale: Text

    @field_validator("root_cause")
    @classmethod
    def _cause(cls, value: str) -> str:
        return _root_cause(value)


class ResolveBody(Effective):
    """`credited` is wanted where the code does not say how much is credited and nothing was decided."""

    resolution_code: str = Field(max_length=40)
    credited: MoneyBody | None = None
    rationale: Text | None = None

    @field_validator("resolution_code")
    @classmethod
    def _code(cls, value: str) -> str:
        return _must_be_listed(value, tuple(c.code for c in RESOLUTION_CODES), "resolution code")


class CloseBody(Effective):
    pass


class ReopenBody(Effective):
    reason: Sentence


class WithdrawBody(Effective):
    reason: Sentence


class EscalateBody(Effective):
    level: int = Field(ge=1, le=HIGHEST_LEVEL, strict=True)
    reason: Sentence
    to: Name | None = None


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
    legal_entities: Annotated[list[Identifier], Field(min_length=1, max_length=100)] = ["*"]
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
