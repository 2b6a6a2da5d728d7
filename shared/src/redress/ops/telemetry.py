"""Who set this off: trace context, correlation and causation ids, carried from the HTTP edge to the last consumer.

The current values live in one context variable, so that log lines and problem answers name them without every
function passing them on. Decisions never read them: what goes into an event is passed explicitly.
"""

import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from msgspec import Struct

MAX_ID_LENGTH = 128
_TRACEPARENT = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")
_SAFE_ID = re.compile(rf"[A-Za-z0-9._:/+=@-]{{1,{MAX_ID_LENGTH}}}")


class TraceParent(Struct, frozen=True):
    """W3C trace context: 32 and 16 lower-case hex digits, never all zero, and the flags (bit 0: sampled)."""

    trace_id: str
    span_id: str
    flags: int = 1

    def __str__(self) -> str:
        return f"00-{self.trace_id}-{self.span_id}-{self.flags:02x}"

    def child(self) -> "TraceParent":
        """The same trace with a new span, for the work that this causes."""
        return TraceParent(self.trace_id, secrets.token_hex(8), self.flags)


class Causes(Struct, frozen=True):
    """The causes of the code that is running now.

    `correlation_id` is shared by everything one outside cause set off; `causation_id` is the event or command directly
    before, None at the outside cause itself; `request_id` is None outside HTTP.
    """

    correlation_id: str
    traceparent: TraceParent
    causation_id: str | None = None
    request_id: str | None = None


_current: ContextVar[Causes | None] = ContextVar("redress_causes", default=None)


def current_causes() -> Causes | None:
    """The causes of the code running now, None where none are set (start-up, timers before their event)."""
    return _current.get()


@contextmanager
def caused_by(causes: Causes) -> Iterator[None]:
    """Make `causes` the current ones inside the block."""
    token = _current.set(causes)
    try:
        yield
    finally:
        _current.reset(token)


def parse_traceparent(header: str | None) -> TraceParent | None:
    """The trace of a `traceparent` header; None for a missing or invalid one, which starts a new trace (W3C §3.2)."""
    match = _TRACEPARENT.fullmatch(header or "")
    if match is None:
        return None
    version, trace_id, span_id, flags, rest = match.groups()
    if version == "ff" or (version == "00" and rest) or not int(trace_id, 16) or not int(span_id, 16):
        return None
    return TraceParent(trace_id, span_id, int(flags, 16))


def new_trace() -> TraceParent:
    return TraceParent(secrets.token_hex(16), secrets.token_hex(8))


def safe_id(text: str | None) -> str | None:
    """An id given from outside if it is short and plain enough to be logged and stored, else None."""
    return text if text is not None and _SAFE_ID.fullmatch(text) else None
