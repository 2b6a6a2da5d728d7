"""A body of the ERP as its items: the exact bytes of each."""

import msgspec
from msgspec import Raw

MAX_ITEMS = 1_000

_items = msgspec.json.Decoder(list[Raw])


class NotABatch(ValueError):
    """Neither one item nor a list of items. `malformed` is true where it is not even JSON."""

    def __init__(self, reason: str, *, malformed: bool) -> None:
        super().__init__(reason)
        self.malformed = malformed


def split(body: bytes) -> tuple[list[bytes], bool]:
    """The items, and whether they came as a list. NotABatch for no JSON, an empty list or more than 1,000 items.

    A single item is not looked into here: what is wrong with it is said in its own result.
    """
    text = body.strip()
    if not text:
        raise NotABatch("the body is empty", malformed=True)
    if not text.startswith(b"["):
        return [text], False
    try:
        items = [bytes(item) for item in _items.decode(text)]
    except msgspec.DecodeError as wrong:
        raise NotABatch(str(wrong), malformed=True) from None
    if not 1 <= len(items) <= MAX_ITEMS:
        raise NotABatch(f"{len(items)} items; 1 to {MAX_ITEMS} are taken", malformed=False)
    return items, True
