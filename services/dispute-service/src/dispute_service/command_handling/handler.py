"""Load, fold, decide, append: one command of a person or a program, with its idempotency record.

A command that names the version it was decided on is refused when the dispute has moved on. One that names none, and
one that lost a race for an invoice only, is decided anew, three times at most.
"""

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from operator import itemgetter
from typing import Any
from uuid import UUID

import msgspec
from msgspec import Struct

from dispute_service.command_handling.changes import change_dispute
from dispute_service.command_handling.unit import Unit
from dispute_service.disputable_invoices.state import Facts
from dispute_service.disputes.commands import DisputeCommand, Open
from dispute_service.disputes.refusals import NoSuchDispute
from dispute_service.disputes.state import Dispute
from dispute_service.event_log.document import document, shown_in
from dispute_service.event_log.streams import DISPUTE, INVOICE, MATRIX, invoice_stream, matrix_stream, read_from
from dispute_service.policies.matrix import ResolutionMatrix
from dispute_service.resolution_matrix import decisions as matrices
from dispute_service.resolution_matrix.commands import PublishMatrix
from redress.eventlog.aggregates import Aggregate, fold_facts
from redress.eventlog.events import CommandRecord, Meta, StoredAnswer
from redress.eventlog.log import Conflict, EventLog, KeyReused, VersionConflict
from redress.eventlog.remembered import RememberedStates
from redress.eventlog.turns import Turns

ATTEMPTS = 3

Touched = Mapping[UUID, Aggregate[Any, Any]]  # streams, and what each of them is a stream of
BuildCommand = Callable[[Dispute], Awaitable[DisputeCommand]]

_encoder = msgspec.json.Encoder()


class Commanded(Struct, frozen=True, kw_only=True):
    """Who commands, under which key, decided on which version (None: whatever it is), and when."""

    tenant: str
    key: str
    fingerprint: bytes
    meta: Meta
    now: datetime
    expected: int | None = None


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


class CommandHandler:
    """Takes commands. Besides the refusals of the aggregates: StaleVersion, and the log's own."""

    def __init__(self, log: EventLog) -> None:
        self._log = log
        self._turns = Turns()
        self._remembered = RememberedStates()

    async def open(self, commanded: Commanded, dispute: UUID, command: Open) -> Answered:
        """Open the dispute under a fresh id. What the ledger knows of the invoices is filled in here."""

        invoices = {item.invoice_id: invoice_stream(commanded.tenant, item.invoice_id) for item in command.items}
        streams: Touched = {matrix_stream(commanded.tenant): MATRIX, **dict.fromkeys(invoices.values(), INVOICE)}

        async def work(unit: Unit) -> bytes:
            unit.begin(DISPUTE, dispute)
            facts = {name: (await unit.state(INVOICE, stream)).facts for name, stream in invoices.items()}
            return await _change(unit, commanded, dispute, _with_what_is_known(command, facts))

        return await self._answer(commanded, _Job(status=201, streams=streams, work=work))

    async def change(self, commanded: Commanded, dispute: UUID, build: BuildCommand) -> Answered:
        """Any other command to a dispute; `build` makes it for the dispute as it is."""

        async def work(unit: Unit) -> bytes:
            state = await unit.state(DISPUTE, dispute)
            if not isinstance(state, Dispute):
                raise NoSuchDispute
            _must_be_at(unit.version(dispute), commanded)
            return await _change(unit, commanded, dispute, await build(state))

        streams: Touched = {dispute: DISPUTE, matrix_stream(commanded.tenant): MATRIX}
        return await self._answer(commanded, _Job(status=200, streams=streams, work=work, stream=dispute))

    async def publish_matrix(
        self, commanded: Commanded, command: PublishMatrix, show: Callable[[ResolutionMatrix], object]
    ) -> Answered:
        """Publish a resolution matrix; answered with what `show` makes of the one in force."""
        stream = matrix_stream(commanded.tenant)

        async def work(unit: Unit) -> bytes:
            state = await unit.state(MATRIX, stream)
            _must_be_at(unit.version(stream), commanded)
            events = matrices.decide(command, state, commanded.now)
            return _encoder.encode(show(unit.record(MATRIX, stream, events, commanded.meta)))

        return await self._answer(commanded, _Job(status=201, streams={stream: MATRIX}, work=work, stream=stream))

    async def _answer(self, commanded: Commanded, job: "_Job") -> Answered:
        """The stored answer of the key, or the answer of the job.

        Commands on one dispute or invoice wait for each other here: of those that load the same version at once all
        but one would have worked for nothing. They look before they wait, many in one round trip.
        """
        seen = await self._look(commanded, job.streams)
        changing = [each for each, aggregate in job.streams.items() if aggregate is not MATRIX or each == job.stream]
        async with self._turns.of(*changing):
            return await self._in_turn(commanded, job, seen)

    async def _look(self, commanded: Commanded, streams: Touched) -> "_Seen":
        epoch = await self._log.epoch()
        known = {each: self._remembered.of(epoch, commanded.tenant, each) for each in streams}
        after = {each: 0 if before is None else before[0] for each, before in known.items()}
        inputs = await self._log.read_for_command(commanded.tenant, commanded.key, after)
        states = {each: fold_facts(streams[each], stored, known[each]) for each, stored in inputs.streams.items()}
        return _Seen(epoch, inputs.answer, states)

    async def _in_turn(self, commanded: Commanded, job: "_Job", seen: "_Seen") -> Answered:
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
            except Conflict as conflict:
                self._lost(commanded, job, conflict)
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

    def _lost(self, commanded: Commanded, job: "_Job", conflict: Conflict) -> None:
        """Somebody else was quicker: StaleVersion if that is what the caller asked to be told."""
        if isinstance(conflict, VersionConflict):
            self._remembered.forget(commanded.tenant, conflict.stream_id)
            if commanded.expected is not None and conflict.stream_id == job.stream:
                raise StaleVersion(conflict.actual) from conflict

    def _unit(self, commanded: Commanded, streams: Touched, seen: "_Seen") -> tuple[Unit, bool]:
        """The streams as they were seen, or as those let in before have left them; and whether any of them did."""
        unit, moved_on = Unit(read_from(self._log, commanded.tenant)), False
        for each, looked_at in seen.states.items():
            left = self._remembered.of(seen.epoch, commanded.tenant, each) or looked_at
            moved_on |= left[0] > looked_at[0]
            unit.know(streams[each], each, *max(left, looked_at, key=itemgetter(0)))
        return unit, moved_on


class _Job(Struct, frozen=True, kw_only=True):
    """`work` on what `streams` hold, answered with `status`. `stream` is the one whose version the caller may name."""

    status: int
    streams: Touched
    work: Callable[[Unit], Awaitable[bytes]]
    stream: UUID | None = None


class _Seen(Struct, frozen=True):
    """What a look has shown: the stored answer of the key, and version and state of each stream."""

    epoch: str
    answer: StoredAnswer | None
    states: Mapping[UUID, tuple[int, Any]]


def _with_what_is_known(command: Open, facts: Mapping[str, Facts | None]) -> Open:
    entities = [known.legal_entity for known in facts.values() if known is not None]
    return msgspec.structs.replace(
        command,
        items=tuple(msgspec.structs.replace(item, known=facts[item.invoice_id] is not None) for item in command.items),
        legal_entity=entities[0] if entities else command.legal_entity,
    )


async def _change(unit: Unit, commanded: Commanded, dispute: UUID, command: DisputeCommand) -> bytes:
    after = await change_dispute(unit, commanded.tenant, dispute, command, now=commanded.now, meta=commanded.meta)
    if not isinstance(after, Dispute):
        raise NoSuchDispute
    current = unit.current(dispute)
    return _encoder.encode(document(dispute, unit.version(dispute), after)) if current is None else shown_in(current)


def _must_be_at(version: int, commanded: Commanded) -> None:
    if commanded.expected is not None and commanded.expected != version:
        raise StaleVersion(version)


def _replayed(commanded: Commanded, stored: StoredAnswer) -> Answered:
    if stored.fingerprint != commanded.fingerprint:
        raise KeyReused(commanded.key)
    return Answered(stored.status, stored.response, replayed=True)
