"""The inputs of many commands, read in one statement.

Questions that come while another one is on its way to the database share the next one: with many commands in flight a
round trip serves a dozen of them, and with one it is asked at once. Nobody waits for a timer.
"""

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from uuid import UUID

import asyncpg
from msgspec import Struct

from redress.eventlog.connections import HeldConnections
from redress.eventlog.events import CommandInputs, StoredAnswer, StoredEvent
from redress.eventlog.log import LogUnavailable
from redress.eventlog.outage import OUTAGE, UNREACHABLE

GROUP = 256  # questions in one round trip
WAITING_LIMIT = 10_000  # more is refused, so that memory stays bounded

_READ = (
    "SELECT command, stream_id, version, type, schema_version, payload, fingerprint"
    " FROM es.look($1::text[],$2::text[],$3::int[],$4::uuid[],$5::bigint[])"
)


class _Question(Struct, eq=False):
    tenant_id: str
    key: str | None
    after: Mapping[UUID, int]
    answered: asyncio.Future[CommandInputs]


class BatchedReads:
    """In front of the connections that a log reads with."""

    def __init__(self, readers: HeldConnections) -> None:
        self._readers = readers
        self._waiting: list[_Question] = []
        self._asking: asyncio.Task[None] | None = None

    async def read_for_command(self, tenant_id: str, key: str | None, after: Mapping[UUID, int]) -> CommandInputs:
        """As `EventLog.read_for_command`. LogUnavailable when the database does not answer."""
        if len(self._waiting) >= WAITING_LIMIT:
            raise LogUnavailable("too many commands are waiting")
        question = _Question(tenant_id, key, after, asyncio.get_running_loop().create_future())
        self._waiting.append(question)
        if self._asking is None:
            self._asking = asyncio.create_task(self._ask())
        return await question.answered

    async def close(self) -> None:
        """Fail the reads that are still pending."""
        if self._asking is not None:
            self._asking.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._asking

    async def _ask(self) -> None:
        group: list[_Question] = []
        try:
            while self._waiting:
                group, self._waiting = self._waiting[:GROUP], self._waiting[GROUP:]
                await self._ask_for(group)
        finally:
            self._asking = None
            for question in (*group, *self._waiting):
                if not question.answered.done():
                    question.answered.set_exception(LogUnavailable("the service is stopping"))
            self._waiting.clear()

    async def _ask_for(self, group: list[_Question]) -> None:
        try:
            rows = await self._rows(group)
        except OUTAGE as failure:
            unavailable = LogUnavailable("the database did not answer")
            unavailable.__cause__ = failure
            _fail([*group, *self._waiting], unavailable)  # those behind would wait for the same again
            self._waiting.clear()
        except Exception as failure:  # noqa: BLE001 - every waiting reader gets the failure; the next group is read all the same
            _fail(group, failure)
        else:
            _answer(group, rows)

    async def _rows(self, group: list[_Question]) -> list[asyncpg.Record]:
        streams = [(number, *each) for number, asked in enumerate(group, 1) for each in asked.after.items()]
        arguments = (
            [asked.tenant_id for asked in group],
            [asked.key for asked in group],
            [number for number, _, _ in streams],
            [stream for _, stream, _ in streams],
            [version for _, _, version in streams],
        )
        try:
            return await self._readers.fetch(_READ, *arguments)
        except TimeoutError:
            raise
        except UNREACHABLE:
            # Perhaps only this one connection was lost, and many wait for it.
            return await self._readers.fetch(_READ, *arguments)


def _answer(group: Sequence[_Question], rows: Sequence[asyncpg.Record]) -> None:
    answers: list[StoredAnswer | None] = [None] * len(group)
    found: list[dict[UUID, list[StoredEvent]]] = [{stream: [] for stream in asked.after} for asked in group]
    for command, stream, version, name, schema_version, payload, fingerprint in rows:
        if stream is None:
            answers[command - 1] = StoredAnswer(fingerprint, version, payload)
        else:
            found[command - 1][stream].append((version, name, schema_version, payload))
    for asked, answer, known in zip(group, answers, found, strict=True):
        if not asked.answered.done():
            asked.answered.set_result(CommandInputs(answer, known))


def _fail(group: Sequence[_Question], failure: Exception) -> None:
    for asked in group:
        if not asked.answered.done():
            asked.answered.set_exception(failure)
