"""Answers: frozen Structs written by msgspec, with the headers that go with them."""

from collections.abc import Mapping, Sequence

import msgspec
from fastapi import Request
from starlette.responses import Response

from redress.web.etag import etag, is_current
from redress.web.pages import link_next

_JSON = "application/json"


def answer(
    value: object,
    status: int = 200,
    *,
    version: int | None = None,
    location: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """`value` as JSON (bytes are taken as JSON already made). `version` becomes the ETag, `location` the Location."""
    content = value if isinstance(value, bytes) else msgspec.json.encode(value)
    all_headers = dict(headers or {})
    if version is not None:
        all_headers["ETag"] = etag(version)
    if location is not None:
        all_headers["Location"] = location
    return Response(content, status, all_headers, _JSON)


def answer_version(request: Request, value: object, version: int) -> Response:
    """A resource at its version: 304 without a body for a reader that already has it."""
    if is_current(request.headers.get("if-none-match"), version):
        return Response(status_code=304, headers={"ETag": etag(version)})
    return answer(value, version=version)


def answer_page(request: Request, items: Sequence[object], next_cursor: str | None) -> Response:
    """One page of a list. `next_cursor` is None on the last one."""
    headers = {} if next_cursor is None else {"Link": link_next(str(request.url), next_cursor)}
    return answer({"items": items, "next_cursor": next_cursor}, headers=headers)
