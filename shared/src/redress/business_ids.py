"""The ids that other systems gave and our services share: invoice, customer, line, payment, credit memo, legal entity.

One rule at every door, so that what one service takes every other one can name. Nothing is ever stripped: `I7` and
`I7 ` would be two invoices for one service and the same for another.
"""

import re

MAX_LENGTH = 100
ALLOWED = "1 to 100 characters, no control characters, no white space at either end"
# Without look-around: pydantic's expressions, Python's and those of JSON Schema all read it. In Python alone `$` lets a
# line break at the end through.
PATTERN = r"^[^\s\x00-\x1f\x7f-\x9f](?:[^\x00-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f])?$"
PYTHON_PATTERN = PATTERN + r"(?!\n)"

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


def flaw_of(text: str) -> str | None:
    """What is wrong with the id, in words. None if nothing is."""
    if not text:
        return "is empty"
    if _CONTROL.search(text):
        return "contains a control character"
    if text != text.strip():
        return "has white space at its beginning or end"
    if len(text) > MAX_LENGTH:
        return f"has {len(text)} characters"
    return None
