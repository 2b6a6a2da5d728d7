"""Stored names and versions: old bytes are read for ever, unknown ones are said to be unknown."""

import pytest
from msgspec import Struct

from redress.codec import Codec, UnknownEventType, fields_added


class Opened(Struct, frozen=True):
    amount_minor: int
    currency: str
    by: str


CODEC: Codec[Opened] = Codec(
    {"opened": (3, Opened)},
    {
        ("opened", 1): lambda old: {"amount_minor": old["cents"], "currency": "EUR"},
        ("opened", 2): lambda old: {**old, "by": "unknown"},
    },
)


def test_an_event_is_stored_under_its_name_and_newest_version() -> None:
    assert CODEC.encode(Opened(1250, "EUR", "roth")) == (
        "opened",
        3,
        b'{"amount_minor":1250,"currency":"EUR","by":"roth"}',
    )


def test_bytes_of_every_older_version_are_read_as_the_newest_shape() -> None:
    assert CODEC.decode("opened", 1, b'{"cents":1250}') == Opened(1250, "EUR", "unknown")
    assert CODEC.decode("opened", 2, b'{"amount_minor":5,"currency":"JPY"}') == Opened(5, "JPY", "unknown")


class Closed(Struct, frozen=True):
    amount_minor: int
    why: str = "nobody said"


GROWN: Codec[Closed] = Codec(
    {"closed": (3, Closed)},
    {("closed", 1): lambda old: {"amount_minor": old["cents"]}, ("closed", 2): fields_added},
)


def test_a_version_that_only_gained_fields_has_their_defaults() -> None:
    assert GROWN.decode("closed", 2, b'{"amount_minor":5}') == Closed(5, "nobody said")
    assert GROWN.decode("closed", 1, b'{"cents":5}') == Closed(5, "nobody said")


@pytest.mark.parametrize(("name", "version"), [("opened", 4), ("closed", 1), ("opened", 0)])
def test_a_type_or_version_of_a_newer_release_is_refused_by_name(name: str, version: int) -> None:
    with pytest.raises(UnknownEventType, match=name):
        CODEC.decode(name, version, b"{}")
