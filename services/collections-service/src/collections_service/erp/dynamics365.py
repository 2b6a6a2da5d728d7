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
    """Where a field of ours comes from and how it is written there; not `required`: left out when it is missing."""

    from_: str
    as_: str = "text"
    required: bool = True


class EventMapping(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`fields` maps our field (a dot goes one level down) to theirs; `constants` are set as they stand."""

    kind: str
    fields: dict[str, Field]
    constants: dict[str, str] = {}


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
    for ours, field in known.fields.items():
        value = _value(event, field)
        if value is not None:
            _set(document, ours, value)
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
    return _origin(mapping.events[_decoder.decode(raw)["BusinessEventId"]], pointer)


def _legal_entity(event: dict[str, Any]) -> str:
    for key in ("LegalEntity", "BusinessEventLegalEntity"):
        value = event.get(key)
        if isinstance(value, str) and value:
            return _without_null(value, f"/{key}")
    raise Unreadable("invalid_message", "LegalEntity is missing", "/LegalEntity")


def _value(event: dict[str, Any], field: Field) -> object:
    value = event.get(field.from_)
    pointer = f"/{field.from_}"
    if value is None or value == "":
        if field.required:
            raise Unreadable("invalid_message", f"{field.from_} is missing", pointer)
        return None
    if field.as_ == "date":
        return _date(value, pointer)
    if field.as_ == "amount":
        if isinstance(value, bool) or not isinstance(value, int | Decimal):
            raise Unreadable("invalid_amount", f"{field.from_} is not a number", pointer)
        return Decimal(value)
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
    field = known.fields.get(pointer.strip("/").replace("/", "."))
    return f"/{field.from_}" if field else _ENVELOPE.get(pointer, pointer)
