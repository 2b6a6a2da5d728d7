"""The only maker of ids.

Ids are UUIDs inside and TypeID-like text outside: a prefix that says what it is, an underscore, and the
128 bits in 26 characters of Crockford base32 (`dsp_01j9…`). New ids are UUIDv7, so they sort by creation.
"""

from uuid import UUID

import uuid_utils
import uuid_utils.compat

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_PAIRS = [first + second for first in _ALPHABET for second in _ALPHABET]
_VALUE = {character: value for value, character in enumerate(_ALPHABET)}
_TEXT_LENGTH = 26
_SHIFTS = range(5 * (_TEXT_LENGTH - 2), -1, -10)
_SEPARATOR = "\x1f"  # cannot occur in a bounded name, so ("a", "bc") and ("ab", "c") differ

REDRESS_NAMESPACE = UUID("5a0c1b52-6d0e-5f0e-9a63-0d1f3c6b7a11")
_namespace = uuid_utils.UUID(str(REDRESS_NAMESPACE))


def new_uuid() -> UUID:
    """A fresh UUIDv7."""
    return uuid_utils.compat.uuid7()


def derived_uuid(*parts: str) -> UUID:
    """The UUIDv5 of the parts: the same parts always give the same id, which is what makes a retry harmless."""
    return UUID(int=uuid_utils.uuid5(_namespace, _SEPARATOR.join(parts)).int)


def public_id(prefix: str, uuid: UUID) -> str:
    """The text form: `dsp_` and 26 characters."""
    number = uuid.int
    # Two characters at a time: this runs for every event that is published, and is five times as fast.
    return f"{prefix}_{''.join([_PAIRS[number >> shift & 1023] for shift in _SHIFTS])}"


def parse_public_id(prefix: str, text: str) -> UUID:
    """The UUID behind a text form. ValueError if the prefix or any character is wrong."""
    head, _, tail = text.partition("_")
    if head != prefix or len(tail) != _TEXT_LENGTH or tail[0] > "7":
        raise ValueError(f"expected {prefix}_ followed by {_TEXT_LENGTH} characters of base32, got {text[:60]!r}")
    number = 0
    for character in tail:
        value = _VALUE.get(character)
        if value is None:
            raise ValueError(f"{character!r} is not a character of an id")
        number = number << 5 | value
    return UUID(int=number)
