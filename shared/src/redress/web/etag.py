"""ETags are stream versions: `"7"`. A write names the version it was decided on, so nobody overwrites the unseen."""

import re
from typing import Annotated

from fastapi import Header

from redress.web.problem import Problem, kernel_problem

_STRONG = re.compile(r'"(0|[1-9][0-9]{0,17})"')
_HEADER_DOC = 'The ETag of the version this decision was made on, for example `"7"`.'


def etag(version: int) -> str:
    return f'"{version}"'


def parse_etag(text: str) -> int | None:
    """The version of one strong ETag; None for anything else (weak, a list, `*`, not a number)."""
    match = _STRONG.fullmatch(text.strip())
    return None if match is None else int(match.group(1))


async def optional_if_match(
    if_match: Annotated[str | None, Header(max_length=64, description=_HEADER_DOC)] = None,
) -> int | None:
    """The expected version; None when the caller does not name one. 400 for a header that is not one strong ETag."""
    if if_match is None:
        return None
    version = parse_etag(if_match)
    if version is None:
        raise kernel_problem("invalid_if_match", 'send the ETag as it was received, for example If-Match: "7"')
    return version


async def if_match(
    if_match: Annotated[str | None, Header(max_length=64, description=_HEADER_DOC)] = None,
) -> int:
    """The expected version. 428 when it is missing (RFC 6585), 400 when malformed."""
    version = await optional_if_match(if_match)
    if version is None:
        raise kernel_problem("if_match_required", "read the resource and send its ETag as If-Match")
    return version


def stale(actual: int) -> Problem:
    """412: the resource is at `actual`, not at the version the caller decided on."""
    detail = f"it is at version {actual} now; read it again and decide anew"
    headers = {"ETag": etag(actual)}
    return kernel_problem("stale_version", detail, headers=headers, extra={"current_version": actual})


def is_current(if_none_match: str | None, version: int) -> bool:
    """Whether a reader already has this version (If-None-Match, weak comparison), so that 304 is the answer."""
    if if_none_match is None:
        return False
    tags = [tag.strip().removeprefix("W/") for tag in if_none_match[:1_000].split(",")]
    return "*" in tags or etag(version) in tags
