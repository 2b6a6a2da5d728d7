"""The promises of the event log. `postgres.py` and `memory.py` keep them; one contract suite holds both to it.

EventLogError
├── Conflict            somebody else was quicker: nothing was written, read again and decide anew
│   ├── VersionConflict     a stream was not at the expected version; carries the actual one
│   └── LockConflict        two transactions waited for each other, and this one was ended
├── KeyReused           the idempotency key was used before for another request
├── CommandInFlight     the same key is being executed right now by another transaction
├── AppendTooLarge      a bound was exceeded (events, streams, payload bytes)
├── UnknownPosition     a position beyond the head, or of a restored log, was asked for
└── LogUnavailable      the database did not answer in time; the outcome of an append is then unknown
"""

from collections.abc import Mapping, Sequence
from typing import Protocol
from uuid import UUID

from redress.eventlog.events import (
    AppendResult,
    CommandInputs,
    CommandRecord,
    RecordedEvent,
    StoredAnswer,
    StoredEvent,
    StreamWrite,
)


class EventLogError(Exception):
    """Any refusal or failure of the log."""


class Conflict(EventLogError):
    """Another append was quicker. Nothing was written; the state that was read is out of date."""


class VersionConflict(Conflict):
    def __init__(self, stream_id: UUID, expected: int, actual: int) -> None:
        super().__init__(f"stream {stream_id} is at version {actual}, not {expected}")
        self.stream_id = stream_id
        self.expected = expected
        self.actual = actual


class LockConflict(Conflict):
    """The database ended this transaction so that another could go on (a deadlock, a failed serialization).

    The transaction it happened in must be rolled back as a whole: the other one waits for its end, and going back to a
    savepoint does not let it go on.
    """


class KeyReused(EventLogError):
    def __init__(self, key: str) -> None:
        super().__init__("this idempotency key was used before for a different request")
        self.key = key


class CommandInFlight(EventLogError):
    def __init__(self, key: str) -> None:
        super().__init__("a command with this idempotency key is being executed right now")
        self.key = key


class AppendTooLarge(EventLogError):
    pass


class UnknownPosition(EventLogError):
    pass


class LogUnavailable(EventLogError):
    pass


class EventLog(Protocol):
    """An append-only log of one service: streams with optimistic concurrency, and one gapless order over all."""

    async def append(
        self, tenant_id: str, writes: Sequence[StreamWrite], command: CommandRecord | None = None
    ) -> AppendResult:
        """Store all events of all streams and the command's answer, or nothing.

        Refusals: Conflict, KeyReused, CommandInFlight, AppendTooLarge. A key that was used before for the same
        request returns its stored answer. Events whose ids and bytes already stand exactly there count as written.
        """
        ...

    async def read_stream(
        self, tenant_id: str, stream_id: UUID, from_version: int = 1, to_version: int | None = None
    ) -> list[RecordedEvent]:
        """The events of one stream in version order; empty for an unknown stream or one of another tenant."""
        ...

    async def read_for_fold(
        self, tenant_id: str, stream_id: UUID, to_version: int | None = None
    ) -> Sequence[StoredEvent]:
        """The same events with nothing but what a fold needs: a third of the bytes, and no object for each."""
        ...

    async def read_log(
        self, after_seq: int, limit: int, *, tenant_id: str | None = None, types: Sequence[str] | None = None
    ) -> list[RecordedEvent]:
        """Events with seq > after_seq in log order, at most `limit`; of one tenant or of given stored types if asked.

        Without filters the result is contiguous: after_seq + 1, + 2, …
        """
        ...

    async def read_for_command(self, tenant_id: str, key: str | None, after: Mapping[UUID, int]) -> CommandInputs:
        """What a command needs before it is decided, as of one moment: the stored answer of its key, and the events of
        streams after the versions given (0: all). Every stream asked for is there, empty if it has nothing more, is
        unknown or another tenant's."""
        ...

    async def answer(self, tenant_id: str, key: str) -> StoredAnswer | None:
        """The stored answer of a command, None if the key is unknown."""
        ...

    async def head(self) -> int:
        """The last given seq, 0 for an empty log."""
        ...

    async def epoch(self) -> str:
        """Identifies this history. It changes only when an operator declares a restore."""
        ...

    async def sequence(self, limit: int = 10_000) -> int:
        """Give committed events their place in the log; returns how many. 0 when another sequencer is at it."""
        ...

    async def wait_for(self, seq: int, timeout_s: float) -> int:
        """Wait until the log has reached `seq` or the time is over; returns the head either way."""
        ...
