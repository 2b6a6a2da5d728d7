"""The e-mail addresses that mails may be sent to."""

import re

MAX_ADDRESS = 254  # RFC 5321 §4.5.3.1.3 less the brackets
_ADDRESS = re.compile(
    r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
    r"@[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*"
)
_MAX_LOCAL_PART = 64


def deliverable(text: str) -> str | None:
    """The address in ASCII (an international domain as A-labels), None if it is none that can stand in an envelope.

    Quoted local parts and addresses beyond ASCII before the @ are refused: no customer has one, and attackers do.
    """
    stripped = text.strip()
    local, at, domain = stripped.rpartition("@")
    if not at or len(stripped) > MAX_ADDRESS or len(local) > _MAX_LOCAL_PART:
        return None
    try:
        address = f"{local}@{domain.encode('idna').decode('ascii')}"
    except UnicodeError:
        return None
    return address if len(address) <= MAX_ADDRESS and _ADDRESS.fullmatch(address) else None
