"""Load, fold, decide, append: one command of a person or a program, with its idempotency record.

A command that names the version it was decided on is refused when its stream has moved on. One that names none, and
one that lost a race for another stream only, is decided anew, three times at most.
"""

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from operator import itemgetter
from typing import Any
from uuid import UUID

from msgspec import Struct

from dispute_service.corridor.streams import read_from
from dispute_service.corridor.unit import Unit
from redress.eventlog.aggregates import Aggregate, fold_facts
from redress.eventlog.events import CommandRecord, Meta, StoredAnswer
from redress.eventlog.log import EventLog, KeyReused, VersionConflict
from redress.eventlog.remembered import RememberedStates
from redress.eventlog.turns import Turns
from redress.web.commands import CommandContext

ATTEMPTS = 3

Touched = Mapping[UUID, Aggregate[Any, Any]]  # streams, and what each of them is a stream of


class Commanded(Struct, frozen=True, kw_only=True):
    """Who commands, under which key, decided on which version (None: whatever it is), and when."""

    tenant: str
    key: str
    fingerprint: bytes
    meta: Meta
    now: datetime
    expected: int | None = None


def commanded_by(context: CommandContext) -> Commanded:
    return Commanded(
        tenant=context.tenant,
        key=context.key,
        fingerprint=context.fingerprint,
        meta=context.meta(),
        now=context.now,
        expected=context.expected,
    )


class StaleVersion(Exception):
    """The stream is at `actual`, not at the version the command was decided on."""

    def __init__(self, actual: int) -> None:
        super().__init__(f"it is at version {actual}")
        self.actual = actual


class Answered(Struct, frozen=True):
    """What the command is answered: new, or the stored answer of an earlier try (`replayed`)."""

    status: int
    body: bytes
    replayed: bool = False


class Job(Struct, frozen=True, kw_only=True):
    """`work` on what `streams` hold, answered with `status`.

    `stream` is the one whose version the caller may name. `read_only` are those of the streams that the work looks at
    and never writes: nobody waits for them.
    """

    status: int
    streams: Touched
    work: Callable[[Unit], Awaitable[bytes]]
    stream: UUID | None = None
    read_only: frozenset[UUID] = frozenset()


class CommandRunner:
    """Takes commands. Besides the refusals of the work: StaleVersion, and the log's own."""

    def __init__(self, log: EventLog) -> None:
        self._log = log
        self._turns = Turns()
        self._remembered = RememberedStates()

    async def answer(self, commanded: Commanded, job: Job) -> Answered:
        """The stored answer of the key, or the answer of the job.

        Commands on one stream wait for each other here: of those that load the same version at once all but one would
        have worked for nothing. They look before they wait, many in one round trip.
        """
        seen = await self._look(commanded, job.streams)
        async with self._turns.of(*(each for each in job.streams if each not in job.read_only)):
            return await self._in_turn(commanded, job, seen)

    async def _look(self, commanded: Commanded, streams: Touched) -> "_Seen":
        epoch = await self._log.epoch()
        known = {each: self._remembered.of(epoch, commanded.tenant, each) for each in streams}
        after = {each: 0 if before is None else before[0] for each, before in known.items()}
        looked = await self._log.look(commanded.tenant, commanded.key, after)
        states = {each: fold_facts(streams[each], facts, known[each]) for each, facts in looked.facts.items()}
        return _Seen(epoch, looked.answer, states)

    async def _in_turn(self, commanded: Commanded, job: Job, seen: "_Seen") -> Answered:
        conflicts, looked_again = 0, False
        while True:
            if seen.answer is not None:
                return _replayed(commanded, seen.answer)
            unit, moved_on = self._unit(commanded, job.streams, seen)
            try:
                body = await job.work(unit)
            except Exception:
                if not moved_on or looked_again:
                    raise
                # The command itself, sent twice, may be what the first one to be let in has done.
                seen, looked_again = await self._look(commanded, job.streams), True
                continue
            record = CommandRecord(
                key=commanded.key, fingerprint=commanded.fingerprint, status=job.status, response=body
            )
            try:
                appended = await self._log.append(commanded.tenant, unit.writes(), record)
            except VersionConflict as conflict:
                self._remembered.forget(commanded.tenant, conflict.stream_id)
                if commanded.expected is not None and conflict.stream_id == job.stream:
                    raise StaleVersion(conflict.actual) from conflict
                conflicts += 1
                if conflicts == ATTEMPTS:
                    raise
                seen = await self._look(commanded, job.streams)
            else:
                if appended.replayed is not None:
                    return _replayed(commanded, appended.replayed)
                for each, version, state in unit.states():
                    if version:
                        self._remembered.keep(seen.epoch, commanded.tenant, each, version, state)
                return Answered(job.status, body)

    def _unit(self, commanded: Commanded, streams: Touched, seen: "_Seen") -> tuple[Unit, bool]:
        """The streams as they were seen, or as those let in before have left them; and whether any of them did."""
        unit, moved_on = Unit(read_from(self._log, commanded.tenant)), False
        for each, looked_at in seen.states.items():
            left = self._remembered.of(seen.epoch, commanded.tenant, each) or looked_at
            moved_on |= left[0] > looked_at[0]
            unit.know(streams[each], each, *max(left, looked_at, key=itemgetter(0)))
        return unit, moved_on


class _Seen(Struct, frozen=True):
    """What a look has shown: the stored answer of the key, and version and state of each stream."""

    epoch: str
    answer: StoredAnswer | None
    states: Mapping[UUID, tuple[int, Any]]


def must_be_at(version: int, commanded: Commanded) -> None:
    """StaleVersion when the caller named another one."""
    if commanded.expected is not None and commanded.expected != version:
        raise StaleVersion(version)


def _replayed(commanded: Commanded, stored: StoredAnswer) -> Answered:
    if stored.fingerprint != commanded.fingerprint:
        raise KeyReused(commanded.key)
    return Answered(stored.status, stored.response, replayed=True)
