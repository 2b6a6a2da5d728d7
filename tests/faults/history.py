"""The clients' requests and answers, and the faults injected meanwhile, as JSON lines.

The audit reads it back: it is the only record of what was promised to somebody outside.
"""

import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import IO, Self

import msgspec
from msgspec import Struct


class Line(Struct, frozen=True, kw_only=True, tag_field="what"):
    """`at` is seconds since 1970 by this machine's clock."""

    at: float = 0.0


class SentRequest(Line, frozen=True, kw_only=True, omit_defaults=True, tag="sent"):
    """A request, once per attempt."""

    key: str
    tenant: str
    service: str
    method: str
    path: str
    body: str
    attempt: int
    version: int | None = None


class ReceivedAnswer(Line, frozen=True, kw_only=True, omit_defaults=True, tag="answered"):
    """The answer to an attempt. `seconds` is how long it took."""

    key: str
    tenant: str
    service: str
    attempt: int
    status: int
    body: str
    seconds: float = 0.0
    retry_after: str | None = None
    replayed: bool = False


class MissingAnswer(Line, frozen=True, kw_only=True, tag="not-answered"):
    """The attempt ended without an answer: whether it had an effect is open."""

    key: str
    tenant: str
    service: str
    attempt: int
    error: str


class Fault(Line, frozen=True, kw_only=True, tag="fault"):
    kind: str
    target: str
    seconds: float = 0.0


class FaultsOver(Line, frozen=True, kw_only=True, tag="faults-over"):
    """From here on nothing was disturbed any more."""


class DrainReport(Line, frozen=True, kw_only=True, tag="drained"):
    """Everything had come to rest this many seconds after the last fault; `waiting` says what had not, if so."""

    seconds: float
    waiting: str = ""


class Measurement(Line, frozen=True, kw_only=True, tag="measured"):
    """One process at one time. A process started anew has another pid."""

    process: str
    pid: int
    rss_bytes: int
    open_files: int


class Checkpoint(Line, frozen=True, kw_only=True, tag="checkpoint"):
    """How far a consumer was."""

    service: str
    consumer: str
    shard: int
    seq: int


AnyLine = SentRequest | ReceivedAnswer | MissingAnswer | Fault | FaultsOver | DrainReport | Measurement | Checkpoint

_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(AnyLine)


class History:
    """Written by the one process that is never disturbed."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: IO[bytes] = path.open("ab")

    def add(self, line: AnyLine) -> None:
        self._file.write(_encoder.encode(msgspec.structs.replace(line, at=time.time())) + b"\n")

    def flush(self) -> None:
        self._file.flush()

    def close(self) -> None:
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, failure: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def read_history(path: Path) -> Iterator[AnyLine]:
    with path.open("rb") as file:
        for line in file:
            yield _decoder.decode(line)
