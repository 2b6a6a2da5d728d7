"""Request bodies of the commands to a dispute, and the id that names it."""

from datetime import date
from typing import Annotated, Literal, Self
from uuid import UUID

from fastapi import Path
from pydantic import Field, StringConstraints, field_validator, model_validator

from dispute_service.disputes.commands import CreditedItem, ItemName, JudgedItem
from dispute_service.disputes.decisions.opening import MAX_ITEMS
from dispute_service.disputes.decisions.working import HIGHEST_LEVEL
from dispute_service.disputes.document import PREFIX
from dispute_service.reasons.catalogue import REASON_BY_CODE, RESOLUTION_CODES, ROOT_CAUSES
from redress.ids import parse_public_id
from redress.web.bodies import VISIBLE, Body, BusinessDate, BusinessId, EffectiveBody, MoneyBody, Name, Sentence, Text
from redress.web.problem import not_found

MAX_INVOICES = 15  # each is a stream of its own, and one append takes twenty

DisputeId = Annotated[str, Path(max_length=60, description="`dsp_…`")]
Word = Annotated[str, StringConstraints(min_length=1, max_length=40, pattern=r"^[a-z][a-z0-9_-]*$")]
Email = Annotated[
    str,
    StringConstraints(
        max_length=254, strip_whitespace=True, pattern=r"^[^@\s\x00-\x1f\x7f]{1,64}@[^@\s\x00-\x1f\x7f]+$"
    ),
]


def dispute_of(text: str) -> UUID:
    """The stream of a public id. Problem 404 for what cannot be one."""
    try:
        return parse_public_id(PREFIX, text)
    except ValueError:
        raise not_found(f"dispute {text}") from None


def _must_be_listed(value: str, allowed: tuple[str, ...], what: str) -> str:
    if value not in allowed:
        raise ValueError(f"{value[:60]!r} is not a {what}; allowed: {', '.join(allowed)}")
    return value


def _root_cause(value: str) -> str:
    """People write "price maintenance"; the code is PRICE_MAINTENANCE."""
    code = value.strip().upper().replace(" ", "_").replace("-", "_")
    return _must_be_listed(code, tuple(cause.code for cause in ROOT_CAUSES), "root cause")


class ItemBody(Body):
    """`legal_entity` is whose invoice it is. It may be left out where one entity only has the number, and where none
    has it yet; all items of a dispute are of one entity."""

    invoice_id: BusinessId
    legal_entity: BusinessId | None = None
    line: BusinessId | None = None
    amount: MoneyBody


class ContactBody(Body):
    """Whom to write to. `language` is the language of the letters: en or de."""

    name: Name
    email: Email
    language: Literal["en", "de"] = "en"


class OpenBody(EffectiveBody):
    customer_id: BusinessId
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


class ClassifyBody(EffectiveBody):
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


class AssignBody(EffectiveBody):
    """Neither owner nor team: the resolution matrix decides."""

    owner: Name | None = None
    team: Name | None = None
    reason: Sentence | None = None


class RequestInformationBody(EffectiveBody):
    asked: Literal["customer", "department"] = Field(alias="from")
    what: Text
    due: BusinessDate

    @field_validator("due")
    @classmethod
    def _soon(cls, value: date) -> date:
        if not 1970 <= value.year <= 2200:
            raise ValueError("must be a date between 1970 and 2200")
        return value


class RecordInformationBody(EffectiveBody):
    text: Text


class AddNoteBody(EffectiveBody):
    text: Text
    visibility: Literal["internal", "customer"] = "internal"


class NamedItemBody(Body):
    """An item of the dispute: `item` is its position in the document's `items`, counted from 0; or it is named as there
    by `invoice_id`, and `line` where it has one."""

    item: int | None = Field(default=None, ge=0, lt=MAX_ITEMS, strict=True)
    invoice_id: BusinessId | None = None
    line: BusinessId | None = None

    @model_validator(mode="after")
    def _named_one_way(self) -> Self:
        by_name = self.invoice_id is not None
        if (self.item is None) is not by_name or (self.line is not None and not by_name):
            raise ValueError("names an item by its position (item) or by invoice_id, with line where it has one")
        return self

    @property
    def name(self) -> ItemName:
        return ItemName(position=self.item, invoice_id=self.invoice_id, line=self.line)


class JudgedItemBody(NamedItemBody):
    """`valid` and `invalid` together are what is open of the item."""

    valid: MoneyBody
    invalid: MoneyBody

    @property
    def judged(self) -> JudgedItem:
        return JudgedItem(item=self.name, valid=self.valid.money, invalid=self.invalid.money)


class CreditedItemBody(NamedItemBody):
    credited: MoneyBody

    @property
    def stated(self) -> CreditedItem:
        return CreditedItem(item=self.name, credited=self.credited.money)


class DecideBody(EffectiveBody):
    """`items` names every item with something open once. `valid` and `invalid` are totals: beside items they must be
    their sum, alone they are spread over the items in proportion, and the answer says so."""

    valid: MoneyBody | None = None
    invalid: MoneyBody | None = None
    items: Annotated[list[JudgedItemBody], Field(min_length=1, max_length=MAX_ITEMS)] | None = None
    root_cause: str = Field(max_length=40)
    rationale: Text

    @field_validator("root_cause")
    @classmethod
    def _cause(cls, value: str) -> str:
        return _root_cause(value)


class ResolveBody(EffectiveBody):
    """How much is credited, where the code does not say it and nothing was decided: `items` says it of every item with
    something open, `credited` alone is a total that is spread over them in proportion."""

    resolution_code: str = Field(max_length=40)
    credited: MoneyBody | None = None
    items: Annotated[list[CreditedItemBody], Field(min_length=1, max_length=MAX_ITEMS)] | None = None
    rationale: Text | None = None

    @field_validator("resolution_code")
    @classmethod
    def _code(cls, value: str) -> str:
        return _must_be_listed(value, tuple(c.code for c in RESOLUTION_CODES), "resolution code")


class CloseBody(EffectiveBody):
    pass


class ReopenBody(EffectiveBody):
    reason: Sentence


class WithdrawBody(EffectiveBody):
    reason: Sentence


class SettleBody(EffectiveBody):
    """Nothing more comes. `remainder` is what then becomes of the amount that is awaited: `collect` asks the customer
    for it after all, with a recovery task; `settled_elsewhere` says that it was settled where no posting of this
    invoice shows, such as by a credit on account."""

    remainder: Literal["collect", "settled_elsewhere"]
    reason: Sentence

    @property
    def into(self) -> str:
        return "rejected" if self.remainder == "collect" else "withdrawn"


class EscalateBody(EffectiveBody):
    level: int = Field(ge=1, le=HIGHEST_LEVEL, strict=True)
    reason: Sentence
    to: Name | None = None
