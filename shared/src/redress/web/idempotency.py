"""A repeated POST has one effect and the same answer: the Idempotency-Key and the fingerprint of the request.

The answer is stored by the event log in the transaction of the command (`eventlog.log`); here are only the header,
the fingerprint and the replay.
"""

import hashlib
import re
from typing import Any, Final

import msgspec
from starlette.responses import Response

from redress.eventlog.events import StoredAnswer
from redress.web.problem import kernel_problem

REPLAYED = "Idempotent-Replayed"
_QUOTED = re.compile(r'"((?:[^"\\]|\\["\\])*)"')  # a Structured Field string (RFC 8941 §3.3.3), as the draft has it
_VISIBLE = re.compile(r"[\x21-\x7e]{1,255}")


KEY_PARAMETER: Final[dict[str, Any]] = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "A fresh id per command, 1-255 visible characters, quoted or not. Repeat it to retry.",
    "schema": {"type": "string", "maxLength": 512},
}


def idempotency_key(header: str | None) -> str:
    """The key. 400 when it is missing, empty, too long or not plain ASCII."""
    if header is None:
        raise kernel_problem("idempotency_key_required", "send a fresh id, for example a UUID, as Idempotency-Key")
    text = header.strip()
    quoted = _QUOTED.fullmatch(text)
    if quoted is not None:
        text = re.sub(r'\\(["\\])', r"\1", quoted.group(1))
    if not _VISIBLE.fullmatch(text):
        raise kernel_problem("idempotency_key_required", "the key must have 1 to 255 visible ASCII characters")
    return text


def fingerprint(method: str, path: str, body: bytes, if_match: str | None = None) -> bytes:
    """SHA-256 that two requests share only if they ask for the same: method, path, If-Match and canonical body.

    Canonical: JSON with sorted keys and no spaces, so that a client that orders keys differently on a retry is still
    understood. A body that is not JSON counts byte for byte.
    """
    parts = (method.encode(), path.encode(), (if_match or "").encode(), _canonical(body))
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8, "big"))  # so that no text can move from one part to the next
        digest.update(part)
    return digest.digest()


def replay(stored: StoredAnswer, headers: dict[str, str] | None = None) -> Response:
    """The stored answer again, byte for byte, marked as a repetition."""
    media_type = "application/problem+json" if stored.status >= 400 else "application/json"
    return Response(stored.response, stored.status, {REPLAYED: "true", **(headers or {})}, media_type)


def _canonical(body: bytes) -> bytes:
    try:
        return msgspec.json.encode(msgspec.json.decode(body), order="sorted")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return body
