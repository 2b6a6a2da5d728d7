"""Flaws that JSON can carry and nothing behind it can: U+0000, bytes that are not UTF-8, NaN. Each has its
JSON pointer.

The strict readers say that something is wrong, but not always where. Here a message is read once more, as far as it can
be read at all.
"""

import json
import re
from collections.abc import Iterator

from msgspec import Struct

_NULL_ESCAPE = b"\\u0000"
_NAMES = re.compile(rb'"(source|source_event_id|BusinessEventId|LegalEntity|EventId)"\s*:\s*"([^"\\]{1,100})"')


class Flaw(Struct, frozen=True):
    """`pointer` is inside the message (RFC 6901); for a flawed field name it leads to the object that has the field."""

    code: str
    reason: str
    pointer: str


class _NotANumber(Struct, frozen=True):
    literal: str


def may_contain_null(raw: bytes) -> bool:
    """Cheap, and never wrong about a message without one: unescaped, U+0000 is not JSON."""
    return _NULL_ESCAPE in raw


def first_flaw(raw: bytes) -> Flaw | None:
    """The first in the order of the message; None if there is none, or if the message cannot be read at all."""
    try:
        document = _read(raw)
    except (ValueError, RecursionError):
        return None
    return next((flaw for pointer, value in _values(document) if (flaw := _flaw(value, pointer))), None)


def visible_fields(raw: bytes) -> dict[str, object]:
    """The top-level fields of a message, or those of its identity that can be made out in what is not JSON."""
    try:
        document = _read(raw)
    except (ValueError, RecursionError):
        return {name.decode(): value.decode("utf-8", "replace") for name, value in reversed(_NAMES.findall(raw))}
    return document if isinstance(document, dict) else {}


def _read(raw: bytes) -> object:
    """Bytes that are not UTF-8 become lone surrogates. ValueError, RecursionError."""
    text = raw.decode("utf-8", "surrogateescape")
    return json.loads(text, strict=False, parse_constant=_NotANumber, parse_int=_no_number, parse_float=_no_number)


def _no_number(_digits: str) -> None:
    """Numbers are not looked at here, and some are too long to be made."""


def _values(document: object) -> Iterator[tuple[str, object]]:
    """Every field name (with the pointer of its object) and value, in order."""
    rest: list[tuple[str, object]] = [("", document)]
    while rest:
        pointer, value = rest.pop()
        if isinstance(value, dict):
            for name in value:
                yield pointer, name
            rest.extend((f"{pointer}/{_escaped(name)}", each) for name, each in reversed(value.items()))
        elif isinstance(value, list):
            rest.extend((f"{pointer}/{index}", value[index]) for index in reversed(range(len(value))))
        else:
            yield pointer, value


def _flaw(value: object, pointer: str) -> Flaw | None:
    if isinstance(value, _NotANumber):
        return Flaw("invalid_json", f"not JSON: {value.literal} is not a number", pointer)
    if not isinstance(value, str):
        return None
    if "\0" in value:
        return Flaw("invalid_text", "the text contains the character U+0000", pointer)
    if not value.isascii() and any("\ud800" <= character <= "\udfff" for character in value):
        return Flaw("invalid_json", "not JSON: the text is not UTF-8", pointer)
    return None


def _escaped(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")
