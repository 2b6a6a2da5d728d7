"""ETags are stream versions: `"7"`. A write names the version it was decided on, so no unseen change is overwritten."""

import re
from typing import Any, Final

from redress.web.problem import Problem, kernel_problem

_STRONG = re.compile(r'"(0|[1-9][0-9]{0,17})"')
IF_MATCH_PARAMETER: Final[dict[str, Any]] = {
    "name": "If-Match",
    "in": "header",
    "description": 'The ETag of the version this decision was made on, for example `"7"`.',
    "schema": {"type": "string", "maxLength": 22},
}


def etag(version: int) -> str:
    return f'"{version}"'


def parse_etag(text: str) -> int | None:
    """The version of one strong ETag; None for anything else (weak, a list, `*`, not a number)."""
    match = _STRONG.fullmatch(text.strip())
    return None if match is None else int(match.group(1))


def optional_if_match(header: str | None) -> int | None:
    """The expected version; None when the caller does not name one. 400 for a header that is not one strong ETag."""
    if header is None:
        return None
    version = parse_etag(header)
    if version is None:
        raise kernel_problem("invalid_if_match", 'send the ETag as it was received, for example If-Match: "7"')
    return version


def if_match(header: str | None) -> int:
    """The expected version. 428 when it is missing (RFC 6585), 400 when malformed."""
    version = optional_if_match(header)
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
