"""Read, decide, append: one command of a person or a program, with its idempotency record.

A command that names the version it was decided on is refused when the stream has moved on. A command that names none,
and one that lost a race for another stream only, is decided anew some times.
"""

from collections.abc import Awaitable, Callable, Collection, Mapping
from datetime import datetime
from operator import itemgetter
from typing import Any
from uuid import UUID

from msgspec import Struct

from redress.decider import fold_stored
from redress.eventlog.events import AppendResult, CommandRecord, StoredAnswer
from redress.eventlog.log import Conflict, EventLog, KeyReused, VersionConflict
from redress.handling.command import CommandContext, CommandResult, StaleVersion
from redress.handling.readers import CacheReader, LogReader
from redress.handling.state_cache import StateCache
from redress.handling.stream_locks import StreamLocks
from redress.handling.unit_of_work import Cause, StreamReader, Streams, UnitOfWork
from redress.refusal import Refusal

ATTEMPTS = 3
CACHED_ATTEMPTS = 10  # the first on states that may be old; of ten writers at once the last needs them all


class CommandJob(Struct, frozen=True, kw_only=True):
    """`work` decides and records, and returns the answer's body; it is answered with `status`, which may depend on what
    the work has done.

    `writes` are the streams that `work` is known to change, `reads` those it only rests on: both are read before, and
    commands that write the same stream wait for each other. `stream` is the one whose version the caller may name. The
    events count in the books at `effective_at`, at the time of receipt where it is None; `dated` deciders say it
    themselves. Streams that are `presumed_new` are looked for only when the append finds that they exist
    (`run_cached`).
    """

    work: Callable[[UnitOfWork], Awaitable[bytes]]
    status: int | Callable[[UnitOfWork], int] = 200
    writes: Streams = {}
    reads: Streams = {}
    stream: UUID | None = None
    effective_at: datetime | None = None
    presumed_new: Collection[UUID] = ()


class CommandRunner:
    """Runs commands. Besides the refusals of `work`: StaleVersion, and the log's own. One per process."""

    def __init__(self, log: EventLog, cache: StateCache | None = None) -> None:
        self._log = log
        self._cache = cache or StateCache()
        self._locks = StreamLocks()

    async def run(self, context: CommandContext, job: CommandJob) -> CommandResult:
        """The stored answer of the key, or the answer of the job.

        State is read before queueing, many commands in one round trip; each command then starts from the state that
        those before it have left. Otherwise all but one of the commands that read the same version would be discarded.
        """
        inputs = await self._inputs(context, job)
        async with self._locks.hold(job.writes):
            return await self._run_in_turn(context, job, inputs)

    async def run_cached(self, context: CommandContext, job: CommandJob) -> CommandResult:
        """The same on cached states: for many commands that seldom meet on a stream, an ERP's import above all.

        A cached state that is out of date costs a second try and never a wrong event, because every append names the
        versions it was decided on. A refusal, and a decision that rests on a stream it does not write to, are made on
        fresh states only. `job.writes`, `job.reads` and the caller's version do not count here.
        """
        epoch = await self._log.epoch()
        for attempt in range(1, CACHED_ATTEMPTS + 1):
            fresh = attempt > 1
            try:
                uow, body = await self._decide(context, job, epoch, fresh=fresh)
                if uow.rests_on_others and not fresh:
                    uow, body = await self._decide(context, job, epoch, fresh=True)
            except Refusal:
                if not fresh:
                    continue
                # A repetition is answered as the first time, also where the books would refuse it by now.
                stored = await self._log.answer(context.tenant, context.key)
                if stored is None:
                    raise
                return _replayed(context, stored)
            try:
                return await self._append(context, job, uow, body, epoch)
            except Conflict as conflict:
                self._learn(context, conflict)
                if attempt == CACHED_ATTEMPTS:
                    raise
        raise AssertionError("the last attempt returns or raises")

    # -- reading

    async def _inputs(self, context: CommandContext, job: CommandJob) -> "_Inputs":
        epoch = await self._log.epoch()
        streams = {**job.reads, **job.writes}
        known = {each: self._cache.get(epoch, context.tenant, each) for each in streams}
        after = {each: 0 if before is None else before[0] for each, before in known.items()}
        inputs = await self._log.read_for_command(context.tenant, context.key, after)
        states = {each: fold_stored(streams[each], stored, known[each]) for each, stored in inputs.streams.items()}
        return _Inputs(epoch, inputs.answer, states)

    async def _decide(
        self, context: CommandContext, job: CommandJob, epoch: str, *, fresh: bool
    ) -> tuple[UnitOfWork, bytes]:
        log_reader = LogReader(self._log, context.tenant, self._cache, epoch)
        reader: StreamReader = (
            log_reader
            if fresh
            else CacheReader(log_reader, context.tenant, self._cache, epoch, presumed_new=job.presumed_new)
        )
        uow = UnitOfWork(context.tenant, reader, _cause(context, job))
        return uow, await job.work(uow)

    # -- deciding and appending

    async def _run_in_turn(self, context: CommandContext, job: CommandJob, inputs: "_Inputs") -> CommandResult:
        conflicts, read_again = 0, False
        while True:
            if inputs.answer is not None:
                return _replayed(context, inputs.answer)
            uow, moved_on = self._unit_of_work(context, job, inputs)
            try:
                body = await _work_at_version(context, job, uow)
            except Exception:
                if not moved_on or read_again:
                    raise
                # The same command, sent twice, may have been run by the one whose turn came first.
                inputs, read_again = await self._inputs(context, job), True
                continue
            try:
                return await self._append(context, job, uow, body, inputs.epoch)
            except Conflict as conflict:
                self._learn(context, conflict, job.stream)
                conflicts += 1
                if conflicts == ATTEMPTS:
                    raise
                inputs = await self._inputs(context, job)

    def _learn(self, context: CommandContext, conflict: Conflict, named: UUID | None = None) -> None:
        """Another command was quicker. StaleVersion if it wrote the stream whose version the caller named."""
        if isinstance(conflict, VersionConflict):
            self._cache.drop(context.tenant, conflict.stream_id)
            if context.expected is not None and conflict.stream_id == named:
                raise StaleVersion(conflict.actual) from conflict

    def _unit_of_work(self, context: CommandContext, job: CommandJob, inputs: "_Inputs") -> tuple[UnitOfWork, bool]:
        """The streams as they were read, or as the commands before this one have left them; and whether any did."""
        reader = LogReader(self._log, context.tenant, self._cache, inputs.epoch)
        uow, moved_on = UnitOfWork(context.tenant, reader, _cause(context, job)), False
        streams = {**job.reads, **job.writes}
        for each, as_read in inputs.states.items():
            left = self._cache.get(inputs.epoch, context.tenant, each) or as_read
            moved_on |= left[0] > as_read[0]
            uow.seed(streams[each], each, *max(left, as_read, key=itemgetter(0)))
        return uow, moved_on

    async def _append(
        self, context: CommandContext, job: CommandJob, uow: UnitOfWork, body: bytes, epoch: str
    ) -> CommandResult:
        writes = uow.writes()
        status = job.status if isinstance(job.status, int) else job.status(uow)
        record = CommandRecord(key=context.key, fingerprint=context.fingerprint, status=status, response=body)
        appended: AppendResult = await self._log.append(context.tenant, writes, record)
        if appended.replayed is not None:
            for write in writes:
                self._cache.drop(context.tenant, write.stream_id)
            return _replayed(context, appended.replayed)
        for each, version, state in uow.states():
            if version:
                self._cache.put(epoch, context.tenant, each, version, state)
        return CommandResult(status=status, body=body, changed=bool(writes))


class _Inputs(Struct, frozen=True):
    """The stored answer of the key, and version and state of each stream."""

    epoch: str
    answer: StoredAnswer | None
    states: Mapping[UUID, tuple[int, Any]]


def _cause(context: CommandContext, job: CommandJob) -> Cause:
    return Cause(context.meta(), job.effective_at or context.now)


async def _work_at_version(context: CommandContext, job: CommandJob, uow: UnitOfWork) -> bytes:
    """The job's work, on the version that the caller names. A stream that does not exist is refused by `work` itself:
    there is no such thing, which says more than that it is at another version."""
    actual = 0 if job.stream is None else uow.version(job.stream)
    is_stale = job.stream is not None and context.expected is not None and context.expected != actual
    if is_stale and actual:
        raise StaleVersion(actual)
    body = await job.work(uow)
    if is_stale:
        raise StaleVersion(actual)
    return body


def _replayed(context: CommandContext, stored: StoredAnswer) -> CommandResult:
    if stored.fingerprint != context.fingerprint:
        raise KeyReused(context.key)
    return CommandResult(status=stored.status, body=stored.response, replayed=True)
