"""The event log in a dictionary, for unit tests. The same contract suite as PostgreSQL holds it to the promises."""

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from datetime import timedelta
from uuid import UUID

import msgspec

from redress.clock import Clock, SystemClock
from redress.eventlog.events import (
    MAX_BYTES_PER_APPEND,
    MAX_EVENTS_PER_APPEND,
    MAX_PAYLOAD_BYTES,
    MAX_STREAMS_PER_APPEND,
    AppendResult,
    CommandInputs,
    CommandRecord,
    NewEvent,
    RecordedEvent,
    StoredAnswer,
    StoredEvent,
    StreamWrite,
)
from redress.eventlog.hashing import FIRST_PREV_HASH, event_hash
from redress.eventlog.log import AppendTooLarge, KeyReused, VersionConflict


class InMemoryEventLog:
    """Keeps every promise of EventLog except surviving the process. `current` holds the current-state documents."""

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock = clock or SystemClock()
        self._streams: dict[UUID, list[RecordedEvent]] = {}
        self._log: list[RecordedEvent] = []
        self._answers: dict[tuple[str, str], StoredAnswer] = {}
        self._grown = asyncio.Event()
        self.current: dict[UUID, bytes] = {}

    async def append(
        self, tenant_id: str, writes: Sequence[StreamWrite], command: CommandRecord | None = None
    ) -> AppendResult:
        _refuse_too_large(writes)
        if command is not None and (known := self._answers.get((tenant_id, command.key))):
            if known.fingerprint != command.fingerprint:
                raise KeyReused(command.key)
            return AppendResult({}, known)
        versions = {write.stream_id: write.expected + len(write.events) for write in writes}
        if any(write.events for write in writes) and all(self._stands(tenant_id, write) for write in writes):
            return AppendResult(versions)
        for write in writes:
            stream = self._of(tenant_id, write.stream_id)
            if len(stream) != write.expected:
                raise VersionConflict(write.stream_id, write.expected, len(stream))
        for write in writes:
            stream = self._streams.setdefault(write.stream_id, [])
            for event in write.events:
                recorded = self._recorded(tenant_id, write, stream, event)
                stream.append(recorded)
                self._log.append(recorded)
            if write.current is not None:
                self.current[write.stream_id] = write.current
        if command is not None:
            self._answers[tenant_id, command.key] = StoredAnswer(command.fingerprint, command.status, command.response)
        grown, self._grown = self._grown, asyncio.Event()
        grown.set()
        return AppendResult(versions)

    async def read_stream(
        self, tenant_id: str, stream_id: UUID, from_version: int = 1, to_version: int | None = None
    ) -> list[RecordedEvent]:
        return self._of(tenant_id, stream_id)[max(from_version, 1) - 1 : to_version]

    async def read_for_fold(
        self, tenant_id: str, stream_id: UUID, to_version: int | None = None
    ) -> Sequence[StoredEvent]:
        events = self._of(tenant_id, stream_id)[:to_version]
        return [(event.version, event.type, event.schema_version, event.payload) for event in events]

    async def read_log(
        self, after_seq: int, limit: int, *, tenant_id: str | None = None, types: Sequence[str] | None = None
    ) -> list[RecordedEvent]:
        wanted = (
            event
            for event in self._log[after_seq:]
            if (tenant_id is None or event.tenant_id == tenant_id) and (types is None or event.type in types)
        )
        return [event for _, event in zip(range(limit), wanted, strict=False)]

    async def find_event(self, tenant_id: str | None, event_id: UUID) -> tuple[str, UUID, int, int] | None:
        for seq, event in enumerate(self._log, 1):
            if event.event_id == event_id and tenant_id in (None, event.tenant_id):
                return event.tenant_id, event.stream_id, event.version, seq
        return None

    async def read_for_command(self, tenant_id: str, key: str | None, after: Mapping[UUID, int]) -> CommandInputs:
        return CommandInputs(
            None if key is None else self._answers.get((tenant_id, key)),
            {stream: (await self.read_for_fold(tenant_id, stream))[version:] for stream, version in after.items()},
        )

    async def answer(self, tenant_id: str, key: str) -> StoredAnswer | None:
        return self._answers.get((tenant_id, key))

    async def head(self) -> int:
        return len(self._log)

    async def epoch(self) -> str:
        return "memory"

    async def sequence(self, limit: int = 10_000) -> int:  # noqa: ARG002 - appends are sequenced at once
        return 0

    async def wait_for(self, seq: int, timeout_s: float) -> int:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                while len(self._log) < seq:
                    await self._grown.wait()
        return len(self._log)

    def _of(self, tenant_id: str, stream_id: UUID) -> list[RecordedEvent]:
        stream = self._streams.get(stream_id, [])
        return [] if stream and stream[0].tenant_id != tenant_id else stream

    def _stands(self, tenant_id: str, write: StreamWrite) -> bool:
        there = self._of(tenant_id, write.stream_id)[write.expected : write.expected + len(write.events)]
        return [(e.event_id, e.payload) for e in there] == [(e.event_id, e.payload) for e in write.events]

    def _recorded(
        self, tenant_id: str, write: StreamWrite, stream: list[RecordedEvent], event: NewEvent
    ) -> RecordedEvent:
        recorded_at = self._clock.now()
        if stream:
            recorded_at = max(recorded_at, stream[-1].recorded_at + timedelta(microseconds=1))
        unhashed = RecordedEvent(
            tenant_id=tenant_id,
            stream_id=write.stream_id,
            stream_type=write.stream_type,
            version=len(stream) + 1,
            event_id=event.event_id,
            type=event.type,
            schema_version=event.schema_version,
            payload=event.payload,
            meta=event.meta,
            effective_at=event.effective_at,
            recorded_at=recorded_at,
            prev_hash=stream[-1].hash if stream else FIRST_PREV_HASH,
            hash=b"",
            seq=len(self._log) + 1,
        )
        return msgspec.structs.replace(unhashed, hash=event_hash(unhashed))


def _refuse_too_large(writes: Sequence[StreamWrite]) -> None:
    events = [event for write in writes for event in write.events]
    if len(writes) > MAX_STREAMS_PER_APPEND or len(events) > MAX_EVENTS_PER_APPEND:
        raise AppendTooLarge(f"{len(writes)} streams and {len(events)} events in one append")
    if any(len(event.payload) > MAX_PAYLOAD_BYTES for event in events):
        raise AppendTooLarge(f"an event has more than {MAX_PAYLOAD_BYTES} bytes")
    if sum(len(event.payload) for event in events) > MAX_BYTES_PER_APPEND:
        raise AppendTooLarge(f"more than {MAX_BYTES_PER_APPEND} bytes in one append")
