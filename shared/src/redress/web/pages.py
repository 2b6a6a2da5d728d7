"""Keyset pages: an opaque signed cursor says after which row the next page begins.

A cursor is bound to the list, its filters and its tenant by the hash it is signed with, so that it can neither be made
up, nor carried to another list, nor used to read behind another tenant's rows.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Annotated

import msgspec
from fastapi import Query
from starlette.datastructures import URL

from redress.web.problem import kernel_problem

MAX_LIMIT = 200
DEFAULT_LIMIT = 50
MAX_CURSOR_LENGTH = 2_048
_MIN_KEY_BYTES = 16
_SIGNATURE_BYTES = 16  # 128 bits of HMAC-SHA-256: guessing is hopeless and addresses stay short

CursorValue = str | int | float | bool | None

Limit = Annotated[int, Query(ge=1, le=MAX_LIMIT, description="How many items at most.")]
Cursor = Annotated[
    str | None, Query(max_length=MAX_CURSOR_LENGTH, description="`next_cursor` of the page before; omit to start.")
]


def filters_hash(list_name: str, tenant: str, filters: Mapping[str, object]) -> bytes:
    """Identifies one list: its name, whose it is, and every filter and sort order that was asked for.

    Filters that are None do not count, so that adding a filter to a list keeps old cursors valid.
    """
    asked = {name: _plain(value) for name, value in filters.items() if value is not None}
    return hashlib.sha256(msgspec.json.encode([list_name, tenant, asked], order="sorted")).digest()


class Cursors:
    """Makes and reads cursors. `key` (16 bytes or more) is shared by all processes that serve the list."""

    def __init__(self, key: bytes) -> None:
        if len(key) < _MIN_KEY_BYTES:
            raise ValueError(f"the cursor key needs at least {_MIN_KEY_BYTES} bytes")
        self._key = key

    def encode(self, values: Sequence[CursorValue], filters: bytes) -> str:
        """The cursor after the row that has these sort values (the last one unique)."""
        payload = msgspec.json.encode(list(values))
        return base64.urlsafe_b64encode(self._sign(payload, filters) + payload).rstrip(b"=").decode()

    def decode(self, cursor: str, filters: bytes) -> list[CursorValue]:
        """The sort values. Problem 400 for a cursor that was tampered with or comes from another list."""
        if len(cursor) > MAX_CURSOR_LENGTH:
            raise _foreign()
        try:
            raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            raise _foreign() from None
        signature, payload = raw[:_SIGNATURE_BYTES], raw[_SIGNATURE_BYTES:]
        if not hmac.compare_digest(signature, self._sign(payload, filters)):
            raise _foreign()
        return msgspec.json.decode(payload, type=list[CursorValue])

    def _sign(self, payload: bytes, filters: bytes) -> bytes:
        return hmac.digest(self._key, filters + payload, "sha256")[:_SIGNATURE_BYTES]


def link_next(url: str, cursor: str) -> str:
    """The `Link` header (RFC 8288) of a page that has a next one: a reference relative to the request's own path."""
    following = URL(url).include_query_params(cursor=cursor)
    return f'<{following.path}?{following.query}>; rel="next"'


def _plain(value: object) -> object:
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, set | frozenset):
        return sorted(str(item) for item in value)
    if isinstance(value, list | tuple):
        return [str(item) for item in value]
    return str(value)


def _foreign() -> Exception:
    return kernel_problem("invalid_cursor", "start again without cursor, or use it with the filters it was given for")
