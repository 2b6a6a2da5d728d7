"""A body of the ERP as its items: the exact bytes of each."""

import re

import msgspec
from msgspec import Raw

MAX_ITEMS = 1_000

_items = msgspec.json.Decoder(list[Raw])
_MARKS = re.compile(rb'"(?:[^"\\]|\\.)*+"|["\[\]{},]', re.DOTALL)
_OPENED_BY = {b"]": b"[", b"}": b"{"}


class NotABatch(ValueError):
    """Neither one item nor a list of items. `malformed` is true where it is not even JSON."""

    def __init__(self, reason: str, *, malformed: bool) -> None:
        super().__init__(reason)
        self.malformed = malformed


def split(body: bytes) -> tuple[list[bytes], bool]:
    """The items, and whether they came as a list. NotABatch for no list, an empty one or more than 1,000 items.

    Items are not looked into here: what is wrong with one is said in its own result, and is nothing to the others.
    """
    text = body.strip()
    if not text:
        raise NotABatch("the body is empty", malformed=True)
    if not text.startswith(b"["):
        return [text], False
    try:
        items = [bytes(item) for item in _items.decode(text)]
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as wrong:
        items = _by_brackets(text)
        if not items:
            raise NotABatch(str(wrong), malformed=True) from None
    if not 1 <= len(items) <= MAX_ITEMS:
        raise NotABatch(f"{len(items)} items; 1 to {MAX_ITEMS} are taken", malformed=False)
    return items, True


def _by_brackets(text: bytes) -> list[bytes]:
    """The items of a list as its brackets and commas part them, whatever stands inside; none where these do not match.

    So a list with one item that is not JSON (NaN, say) is still a list of items.
    """
    opened: list[bytes] = []
    items: list[bytes] = []
    start = 1
    for mark in _MARKS.finditer(text):
        sign = mark[0]
        if sign in (b"[", b"{"):
            opened.append(sign)
        elif sign in _OPENED_BY:
            if not opened or opened.pop() != _OPENED_BY[sign]:
                return []
            if not opened:
                items.append(text[start : mark.start()].strip())
                return items if mark.end() == len(text) and all(items) else []
        elif sign == b",":
            if len(opened) == 1:
                items.append(text[start : mark.start()].strip())
                start = mark.end()
        elif sign == b'"':
            return []
    return []
