"""One rule for the ids that the services share, the same words and the same answer wherever it is asked."""

import re

import pytest
from pydantic import TypeAdapter, ValidationError

from redress import business_ids
from redress.web.bodies import BusinessId, KnownId

GOOD = ["I7", "x" * 70, "x" * 100, "RE 2026/0001", "Ä", "0", "-", "日本-7", "a  b"]
BAD = {
    "": "is empty",
    " I7": "has white space at its beginning or end",
    "I7 ": "has white space at its beginning or end",
    "\u00a0K": "has white space at its beginning or end",
    "I7\u2003": "has white space at its beginning or end",
    "I7\n": "contains a control character",
    "I\t7": "contains a control character",
    "I7\u0085": "contains a control character",
    "\u0000": "contains a control character",
    "x" * 101: "has 101 characters",
}


@pytest.mark.parametrize("text", GOOD)
def test_a_number_that_people_can_read_is_taken_as_it_is(text: str) -> None:
    assert business_ids.flaw_of(text) is None
    assert re.search(business_ids.PYTHON_PATTERN, text)
    assert TypeAdapter(BusinessId).validate_python(text) == text


@pytest.mark.parametrize(("text", "flaw"), BAD.items(), ids=repr)
def test_what_two_readers_would_take_for_two_ids_is_refused_in_words(text: str, flaw: str) -> None:
    assert business_ids.flaw_of(text) == flaw
    assert not re.search(business_ids.PYTHON_PATTERN, text) or len(text) > business_ids.MAX_LENGTH
    with pytest.raises(ValidationError) as caught:
        TypeAdapter(BusinessId).validate_python(text)
    (error,) = caught.value.errors()
    assert (error["msg"], error["ctx"]["expected"]) == (
        flaw,
        "1 to 100 characters, no control characters, no white space at either end",
    )


def test_what_was_posted_before_the_rule_is_found_by_the_name_it_has() -> None:
    assert TypeAdapter(KnownId).validate_python("I7 ") == "I7 "
    with pytest.raises(ValidationError):
        TypeAdapter(KnownId).validate_python("I7\u0000")
