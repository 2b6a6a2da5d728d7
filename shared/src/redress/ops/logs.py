"""Log lines: one JSON object each, the same form for our own records, uvicorn's and every library's.

A line can neither be forged nor flood the log nor give a secret away: control and direction characters are escaped,
texts and fields are bounded, and what looks like a token, a password or a key is left out.
"""

import contextlib
import json
import logging
import math
import re
import sys
from collections.abc import MutableMapping
from functools import lru_cache
from typing import Any, Final, TextIO

import structlog
from structlog.typing import EventDict, Processor

from redress.ops import telemetry

MAX_TEXT = 2_000
MAX_TRACEBACK = 12_000
MAX_FIELDS = 40
MAX_ITEMS = 50
MAX_DEPTH = 4

_SECRET_NAME = re.compile(
    r"authorization|cookie|token$|^token|password|passwd|secret|api_?key|private_?key|vault_?key|cursor_?key|dsn$",
    re.IGNORECASE,
)
_SECRETS: Final = (
    (re.compile(r"eyJ[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]+\.?[A-Za-z0-9_-]*"), "[token]"),
    (re.compile(r"(?i)\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]{8,}"), r"\1 [token]"),
    (re.compile(r"(?i)\b([a-z][a-z0-9+.-]{1,20}://[^/\s:@]{1,200}):[^/\s@]{1,500}@"), r"\1:[password]@"),
    (
        re.compile(r"(?i)\b(password|passwd|secret|client_secret|api_key)(['\"]?\s*[=:]\s*['\"]?)[^\s'\"&,;]{1,500}"),
        r"\1\2[secret]",
    ),
)
_SUSPECT = re.compile(r"eyJ|://|bearer|basic|passw|secret|api_key", re.IGNORECASE)
_REDACTED = "[redacted]"

# While a broker is away the client says so many times a second. Once in this time for each thing said is enough.
_REPEATING_LOGGERS = ("aiokafka",)
_REPEATED_AFTER_S = 30.0
_MAX_SAID = 500

# Libraries that say more at INFO than anybody on call wants to read.
_QUIET_LOGGERS = ("httpx2", "httpcore2", "aiokafka", "alembic.runtime.plugins", "asyncio")


def configure_logs(service: str, version: str, level: str = "INFO", stream: TextIO | None = None) -> None:
    """Send every record of the process to `stream` (standard output) as JSON lines. Called once, at start."""
    finish: list[Processor] = [structlog.processors.format_exc_info, _causes, _about(service, version), _bounded, _line]
    formatter = structlog.stdlib.ProcessorFormatter(
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *finish],
        foreign_pre_chain=[
            structlog.stdlib.add_log_level,
            structlog.stdlib.add_logger_name,
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="timestamp"),
        ],
    )
    _lines.stream = stream or sys.stdout
    _lines.level = logging.getLevelNamesMapping()[level]
    handler = logging.StreamHandler(_lines.stream)
    handler.setFormatter(formatter)
    handler.addFilter(_RepetitionFilter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in _QUIET_LOGGERS:
        logging.getLogger(name).setLevel(logging.WARNING)
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = name != "uvicorn.access"  # the app writes the access log itself
    logging.captureWarnings(capture=True)
    structlog.configure(
        processors=[
            _worth_a_line,
            structlog.stdlib.add_log_level,
            structlog.stdlib.add_logger_name,
            structlog.stdlib.PositionalArgumentsFormatter(),
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="timestamp"),
            *finish,
        ],
        logger_factory=_OwnLogger,
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )


class _LogOutput:
    """The stream and level of Redress's own records."""

    stream: TextIO = sys.stdout
    level: int = logging.INFO


class _OwnLogger:
    """Writes the finished line. Ours do not take the way through `logging`, which costs more than all the rest of a
    line, and a line is written for every request."""

    def __init__(self, name: str = "redress") -> None:
        self.name = name

    def _write(self, line: str) -> None:
        with contextlib.suppress(OSError, ValueError):  # a closed reader must not stop the work
            _lines.stream.write(f"{line}\n")
            _lines.stream.flush()

    debug = info = warning = error = exception = critical = _write


def _worth_a_line(_: object, method: str, event: EventDict) -> EventDict:
    if _LEVEL_OF[method] < _lines.level:
        raise structlog.DropEvent
    return event


_lines: Final = _LogOutput()
_LEVEL_OF: Final = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
    "exception": logging.ERROR,
    "critical": logging.CRITICAL,
}
_encoder: Final = json.JSONEncoder(ensure_ascii=True, separators=(",", ":"), default=str)


class _RepetitionFilter(logging.Filter):
    """Pass a repeated message once per interval, with the number of omitted ones."""

    def __init__(self) -> None:
        super().__init__()
        self._said: dict[tuple[str, str], tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        if not record.name.startswith(_REPEATING_LOGGERS):
            return True
        what = (record.name, str(record.msg))
        said_at, left_out = self._said.get(what, (-math.inf, 0))
        if record.created - said_at < _REPEATED_AFTER_S:
            self._said[what] = (said_at, left_out + 1)
            return False
        if len(self._said) >= _MAX_SAID:
            self._said.clear()
        self._said[what] = (record.created, 0)
        if left_out:
            record.msg = f"{record.getMessage()} (and {left_out} times since it was last said)"
            record.args = None
        return True


def _causes(_: object, __: str, event: EventDict) -> EventDict:
    causes = telemetry.current_causes()
    if causes is not None:
        event.setdefault("request_id", causes.request_id)
        event.setdefault("correlation_id", causes.correlation_id)
        event.setdefault("causation_id", causes.causation_id)
        event.setdefault("trace_id", causes.traceparent.trace_id)
        event.setdefault("span_id", causes.traceparent.span_id)
    return event


def _about(service: str, version: str) -> Processor:
    def add(_: object, __: str, event: EventDict) -> EventDict:
        event["service"] = service
        event["service_version"] = version  # not `version`, which lines about streams use
        return event

    return add


_FIRST = ("timestamp", "level", "event", "service", "service_version", "logger")
_OURS = frozenset(
    {"timestamp", "level", "service", "service_version", "logger", "trace_id", "span_id"}
)  # never from outside


def _bounded(_: object, __: str, event: EventDict) -> EventDict:
    """The well-known fields first, then the others; nothing without a bound, nothing empty, nothing secret."""
    ordered: dict[str, Any] = {name: event[name] for name in _FIRST if name in event}
    ordered |= {name: value for name, value in event.items() if value is not None}
    kept: dict[str, Any] = {}
    for name, value in list(ordered.items())[:MAX_FIELDS]:
        if name in _OURS:
            kept[name] = value
            continue
        limit = MAX_TRACEBACK if name == "exception" else MAX_TEXT
        kept[str(name)[:100]] = _REDACTED if _is_secret(str(name)) else _plain(value, limit, MAX_DEPTH)
    return kept


def _plain(value: object, limit: int, depth: int) -> object:
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)  # JSON has no infinity
    if isinstance(value, dict) and depth:
        return {
            str(name)[:100]: _REDACTED if _is_secret(str(name)) else _plain(inner, limit, depth - 1)
            for name, inner in list(value.items())[:MAX_ITEMS]
        }
    if isinstance(value, list | tuple | set | frozenset) and depth:
        return [_plain(inner, limit, depth - 1) for inner in list(value)[:MAX_ITEMS]]
    if isinstance(value, bytes):
        return f"[{len(value)} bytes]"
    return _text(value if isinstance(value, str) else str(value), limit)


def _text(text: str, limit: int) -> str:
    # Cut before the search for secrets, so that no text takes long; the end of a traceback says most.
    if len(text) > limit:
        text = f"…{text[-limit:]}" if limit == MAX_TRACEBACK else f"{text[:limit]}…"
    if _SUSPECT.search(text):  # one search for nearly every text instead of four replacements
        for pattern, replacement in _SECRETS:
            text = pattern.sub(replacement, text)
    return text


@lru_cache(maxsize=4_096)
def _is_secret(name: str) -> bool:
    return _SECRET_NAME.search(name) is not None


def _line(_: object, __: str, event: MutableMapping[str, Any]) -> str:
    # ASCII only: line breaks, escape sequences and direction marks all become visible \\u escapes.
    return _encoder.encode(event)
