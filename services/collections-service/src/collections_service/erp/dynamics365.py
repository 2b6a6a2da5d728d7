"""Dynamics 365 business events through a mapping that is data (`dynamics365.toml`): one table per BusinessEventId.

The envelope is documented, the payload lies flat beside it, dates come as `/Date(milliseconds)/`. The documented
contracts carry no currency: it is configured per legal entity, or the event is refused and says so. Control numbers
are not an identity (gaps are normal); the EventId within its legal entity is.
"""

import re
import tomllib
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from importlib import resources
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct
from msgspec.structs import replace

from collections_service.erp.messages import NO_CURRENCY, ErpMessage, Unreadable, convert, not_json
from collections_service.settings import CollectionsSettings

_DATE = re.compile(r"/Date\((-?\d{1,15})\)/")


def _decimal(digits: str) -> Decimal:
    """NaN for an exponent that no Decimal can have: refused where an amount is wanted, left alone elsewhere."""
    try:
        return Decimal(digits)
    except InvalidOperation:
        return Decimal("NaN")


_decoder = msgspec.json.Decoder(dict[str, Any], float_hook=_decimal)


class BusinessEvent(Struct, frozen=True, kw_only=True, rename="pascal"):
    """A business event as Dynamics 365 sends it: this envelope, and the fields of its payload flat beside it.

    The bounds follow from ours: `source` is `d365:` and the legal entity, the event's id is taken without its braces.
    """

    business_event_id: Annotated[str, Meta(max_length=200)]
    event_id: Annotated[str, Meta(max_length=102)]
    legal_entity: Annotated[str, Meta(max_length=55)]
    control_number: int | None = None


class Field(Struct, frozen=True, kw_only=True, rename={"from_": "from", "as_": "as"}, forbid_unknown_fields=True):
    """Where a field of ours comes from and how it is written there (text, date, amount, opposite: an amount with the
    other sign, count); not `required`: left out when it is missing."""

    from_: str
    as_: str = "text"
    required: bool = True


class ListMapping(Struct, frozen=True, kw_only=True, rename={"from_": "from"}, forbid_unknown_fields=True):
    """A list of ours out of their list `from`, item by item. `flat`: where they send no list, one item out of the
    fields of the event itself (a payment that is marked for one invoice); none if its fields are not there."""

    from_: str
    fields: dict[str, Field]
    flat: dict[str, Field] = {}


class Negative(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the event means when their field `of` is below zero: a credit note is an invoice below zero there."""

    of: str
    kind: str
    fields: dict[str, Field]


class EventMapping(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`fields` maps our field (a dot goes one level down) to theirs, `lists` our lists; `constants` are set as they
    stand. `negative`: the event may mean something else, by its sign."""

    kind: str
    fields: dict[str, Field]
    constants: dict[str, str] = {}
    lists: dict[str, ListMapping] = {}
    negative: Negative | None = None

    def of(self, event: dict[str, Any]) -> "EventMapping":
        """The mapping by the event's sign."""
        amount = None if self.negative is None else event.get(self.negative.of)
        if self.negative is None or not _is_below_zero(amount):
            return self
        return EventMapping(kind=self.negative.kind, fields=self.negative.fields)


class LegalEntity(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`currency` is the accounting currency: what amounts are in when the event does not say."""

    currency: str


class FieldMapping(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Event mappings by BusinessEventId, legal entities by their lower-case id."""

    events: dict[str, EventMapping]
    legal_entities: dict[str, LegalEntity] = {}


def parse_mapping(text: str) -> FieldMapping:
    """A mapping file. ValueError (msgspec.ValidationError, TOMLDecodeError) if it is not one."""
    return msgspec.convert(tomllib.loads(text), FieldMapping)


def standard_mapping() -> FieldMapping:
    """The events whose contracts are documented, and the legal entities of Microsoft's demonstration company."""
    return parse_mapping(resources.files("collections_service.erp").joinpath("dynamics365.toml").read_text("utf-8"))


def mapping_of(settings: CollectionsSettings) -> FieldMapping:
    """The mapping of this installation. ValueError, OSError for a file that is none."""
    if settings.erp_mapping is None:
        return standard_mapping()
    return parse_mapping(settings.erp_mapping.read_text("utf-8"))


def is_business_event(raw: bytes) -> bool:
    """Whether the message calls itself one. Cheap, and never wrong about our own format: it forbids unknown fields."""
    return b'"BusinessEventId"' in raw


def read_business_event(raw: bytes, mapping: FieldMapping) -> ErpMessage:
    """The message in our format. Unreadable, with pointers into the business event, if it cannot be one."""
    try:
        event = _decoder.decode(raw)
    except msgspec.ValidationError as wrong:
        raise Unreadable("invalid_message", f"not a JSON object of plain values: {wrong}") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as wrong:
        raise not_json(raw, wrong) from None
    name = event.get("BusinessEventId")
    known = mapping.events.get(name) if isinstance(name, str) else None
    if known is None:
        raise Unreadable(
            "unmapped_business_event",
            f"{str(name)[:80]!r} has no mapping; known are {', '.join(sorted(mapping.events))}",
            "/BusinessEventId",
        )
    known = known.of(event)
    entity = _legal_entity(event)
    event_id = event.get("EventId")
    if not isinstance(event_id, str) or not event_id.strip("{} "):
        raise Unreadable("invalid_message", "EventId is missing", "/EventId")
    _without_null(event_id, "/EventId")
    document: dict[str, Any] = {
        "kind": known.kind,
        "source": f"d365:{entity}",
        "source_event_id": event_id.strip("{} ").upper(),
        "legal_entity": entity,
        **known.constants,
    }
    if isinstance(event.get("ControlNumber"), int):
        document["control_number"] = event["ControlNumber"]
    _fill(document, event, known)
    if "currency" not in document and known.kind not in NO_CURRENCY:
        configured = mapping.legal_entities.get(entity.lower())
        if configured is None:
            raise Unreadable(
                "currency_not_configured",
                f"the event names no currency and none is configured for legal entity {entity}",
                "/LegalEntity",
            )
        document["currency"] = configured.currency
    try:
        return convert(document)
    except Unreadable as wrong:
        raise Unreadable(wrong.code, f"after mapping: {wrong}", _origin(known, wrong.pointer)) from None


def pointer_into_event(raw: bytes, mapping: FieldMapping, pointer: str) -> str:
    """Where a pointer into the message that was read from these bytes leads in the business event itself."""
    event = _decoder.decode(raw)
    return _origin(mapping.events[event["BusinessEventId"]].of(event), pointer)


def _legal_entity(event: dict[str, Any]) -> str:
    for key in ("LegalEntity", "BusinessEventLegalEntity"):
        value = event.get(key)
        if isinstance(value, str) and value:
            return _without_null(value, f"/{key}")
    raise Unreadable("invalid_message", "LegalEntity is missing", "/LegalEntity")


def _is_below_zero(amount: object) -> bool:
    """A number of any exponent; comparing one would work its digits out."""
    if isinstance(amount, Decimal):
        return amount.is_signed() and not amount.is_zero()
    return isinstance(amount, int) and amount < 0


def _fill(document: dict[str, Any], event: dict[str, Any], known: EventMapping) -> None:
    for ours, field in known.fields.items():
        value = _value(event, field)
        if value is not None:
            _set(document, ours, value)
    for ours, each in known.lists.items():
        items = _items(event, each)
        if items is not None:
            document[ours] = items


def _items(event: dict[str, Any], mapping: ListMapping) -> list[dict[str, Any]] | None:
    """None where the event has neither the list nor the one item."""
    theirs = event.get(mapping.from_)
    at = f"/{mapping.from_}"
    if theirs is None:
        flat = {ours: _value(event, replace(field, required=False)) for ours, field in mapping.flat.items()}
        return [flat] if flat and None not in flat.values() else None
    if not isinstance(theirs, list):
        raise Unreadable("invalid_message", f"{mapping.from_} is not a list", at)
    items: list[dict[str, Any]] = []
    for place, one in enumerate(theirs):
        if not isinstance(one, dict):
            raise Unreadable("invalid_message", f"an item of {mapping.from_} is no object", f"{at}/{place}")
        found = {ours: _value(one, field, f"{at}/{place}") for ours, field in mapping.fields.items()}
        items.append({ours: value for ours, value in found.items() if value is not None})
    return items


def _value(event: dict[str, Any], field: Field, inside: str = "") -> object:
    value = event.get(field.from_)
    pointer = f"{inside}/{field.from_}"
    if value is None or value == "":
        if field.required:
            raise Unreadable("invalid_message", f"{field.from_} is missing", pointer)
        return None
    if field.as_ == "date":
        return _date(value, pointer)
    if field.as_ in {"amount", "opposite"}:
        if isinstance(value, bool) or not isinstance(value, int | Decimal):
            raise Unreadable("invalid_amount", f"{field.from_} is not a number", pointer)
        return Decimal(value) if field.as_ == "amount" else Decimal(value).copy_negate()
    if field.as_ == "count":
        if isinstance(value, bool) or not isinstance(value, int):
            raise Unreadable("invalid_number", f"{field.from_} is not a whole number", pointer)
        return value
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise Unreadable("invalid_message", f"{field.from_} is neither text nor a whole number", pointer)
    return _without_null(str(value), pointer)


def _without_null(text: str, pointer: str) -> str:
    if "\0" in text:
        raise Unreadable("invalid_text", "the text contains the character U+0000", pointer)
    return text


def _date(value: object, pointer: str) -> object:
    if isinstance(value, str):
        if found := _DATE.fullmatch(value):
            try:
                return datetime.fromtimestamp(int(found.group(1)) / 1000, UTC).date()
            except (ValueError, OverflowError, OSError):
                raise Unreadable("invalid_date", f"{value} is not a date", pointer) from None
        return value[:10]
    raise Unreadable("invalid_date", "expected /Date(milliseconds)/ or an ISO 8601 date", pointer)


def _set(document: dict[str, Any], path: str, value: object) -> None:
    *parents, last = path.split(".")
    for parent in parents:
        document = document.setdefault(parent, {})
    document[last] = value


_ENVELOPE = {
    "/source": "/LegalEntity",
    "/legal_entity": "/LegalEntity",
    "/source_event_id": "/EventId",
    "/control_number": "/ControlNumber",
}


def _origin(known: EventMapping, pointer: str) -> str:
    """Where a pointer into our document came from in theirs."""
    path = pointer.strip("/").split("/")
    each = known.lists.get(path[0])
    if each is not None:
        part = each.fields.get(path[-1]) if len(path) > 2 else None
        return "/".join(["", each.from_, *path[1:2], *([part.from_] if part else [])])
    field = known.fields.get(".".join(path))
    return f"/{field.from_}" if field else _ENVELOPE.get(pointer, pointer)
