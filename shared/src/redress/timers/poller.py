"""Fires timers when they are due by the database's clock: never early, once, and at most some seconds late.

Several pollers may run: each takes what no other holds. A timer that cannot be fired is tried again later and later,
its tries counted before each, and others are not held up by it.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Final, NoReturn
from uuid import UUID

import asyncpg
import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge

from redress.eventlog.connections import Connection
from redress.failpoints import failpoint
from redress.ops.run_until_stopped import run_until_stopped
from redress.projections.database import is_gone
from redress.timers.timers import Timer

_log = structlog.stdlib.get_logger("redress.timers")

EVERY_S: Final = 1.0  # how late a timer is at most when nothing else is wrong
BATCH: Final = 100
FIRST_PAUSE_S: Final = 2.0
MOST_PAUSE_S: Final = 300.0
ACQUIRE_S: Final = 5.0


FireTimer = Callable[[Connection, Timer, datetime], Awaitable[None]]
"""Does what a timer is for, through the connection only; the timer is marked as fired in the same transaction.

The instant is the database's clock, at or after `timer.due_at`. When the reason for the timer is over, it does nothing.
"""


class UnknownTimerKind(Exception):
    """No handler is registered for this kind: a newer release has set the timer, or a feature is missing."""


class TimerMetrics:
    def __init__(self, registry: CollectorRegistry) -> None:
        self.fired = Counter("redress_timers_fired", "Timers fired", ["kind"], registry=registry)
        self.failing = Gauge("redress_timers_failing", "Due timers that could not be fired", registry=registry)
        self.lateness = Gauge("redress_timers_lateness_seconds", "How late the last timer was fired", registry=registry)


class TimerPoller:
    """`handlers` say per kind of timer how it is fired; a timer of another kind fails loudly and is tried again.

    The pool's role is the service's worker role. `committed` is called after each firing (the log's `poke`).
    """

    def __init__(
        self,
        pool: asyncpg.Pool,
        handlers: Mapping[str, FireTimer],
        *,
        metrics: TimerMetrics | None = None,
        committed: Callable[[], None] | None = None,
        every_s: float = EVERY_S,
    ) -> None:
        self._pool = pool
        self._handlers = handlers
        self._metrics = metrics or TimerMetrics(CollectorRegistry())
        self._committed = committed
        self._every_s = every_s
        self._not_before: dict[UUID, float] = {}

    async def run(self, stop: asyncio.Event) -> None:
        """Fire what is due until `stop`."""
        await run_until_stopped(stop, self._poll())

    async def fire_due(self) -> int:
        """Fire everything that is due now and is not waiting for another try. How many were fired."""
        fired = 0
        while due := await self._due():
            for timer in due:
                fired += await self._fire(timer)
        return fired

    async def _poll(self) -> NoReturn:
        await self._spare_the_failing()
        while True:
            await self.fire_due()
            self._metrics.failing.set(len(self._not_before))
            await asyncio.sleep(self._every_s)

    async def _due(self) -> list[Timer]:
        """The oldest due timers. Not locked yet: each is taken in the transaction that fires it."""
        now = asyncio.get_running_loop().time()
        self._not_before = {timer_id: at for timer_id, at in self._not_before.items() if at > now}
        rows = await self._pool.fetch(
            "SELECT timer_id, tenant_id, stream_id, kind, due_at, attempts, cause_event FROM es.timer"
            " WHERE state = 'pending' AND due_at <= es.now() AND timer_id <> ALL($1::uuid[])"
            " ORDER BY due_at LIMIT $2",
            list(self._not_before),
            BATCH,
        )
        return [Timer(*row) for row in rows]

    async def _fire(self, timer: Timer) -> bool:
        """Whether this call fired it; another poller may have it, or it was cancelled meanwhile."""
        async with self._pool.acquire(timeout=ACQUIRE_S) as connection:
            attempt = await self._count(connection, timer)
            if attempt is None:
                self._not_before[timer.timer_id] = asyncio.get_running_loop().time() + FIRST_PAUSE_S
                return False
            await failpoint("timer.counted")
            try:
                async with connection.transaction():
                    now = await _take(connection, timer.timer_id)
                    if now is None:
                        return False
                    await self._handler(timer)(connection, _tried(timer, attempt), now)
                    await failpoint("timer.before_commit")
                await failpoint("timer.after_commit")
            except Exception as failure:
                if is_gone(connection, failure):
                    raise
                self._try_later(timer, attempt, failure)
                return False
        self._metrics.fired.labels(timer.kind).inc()
        self._metrics.lateness.set((now - timer.due_at).total_seconds())
        if self._committed is not None:
            self._committed()
        return True

    def _handler(self, timer: Timer) -> FireTimer:
        try:
            return self._handlers[timer.kind]
        except KeyError:
            raise UnknownTimerKind(timer.kind) from None

    async def _count(self, connection: Connection, timer: Timer) -> int | None:
        """This try's number, committed before it is made; None if another poller holds the timer."""
        attempts: int | None = await connection.fetchval(
            "UPDATE es.timer SET attempts = attempts + 1 WHERE timer_id ="
            " (SELECT timer_id FROM es.timer WHERE timer_id = $1 AND state = 'pending' FOR UPDATE SKIP LOCKED)"
            " RETURNING attempts",
            timer.timer_id,
        )
        return attempts

    def _try_later(self, timer: Timer, attempt: int, failure: Exception) -> None:
        pause_s = _pause_s(attempt)
        self._not_before[timer.timer_id] = asyncio.get_running_loop().time() + pause_s
        _log.error(
            "timer_failed",
            timer=str(timer.timer_id),
            kind=timer.kind,
            tenant=timer.tenant_id,
            attempt=attempt,
            again_in_s=pause_s,
            error=f"{type(failure).__name__}: {failure}",
        )

    async def _spare_the_failing(self) -> None:
        """After a start: timers that were tried before wait their pause, in case one of them ended the process."""
        now = asyncio.get_running_loop().time()
        rows = await self._pool.fetch(
            "SELECT timer_id, attempts FROM es.timer WHERE state = 'pending' AND attempts > 0"
        )
        self._not_before = {row["timer_id"]: now + _pause_s(row["attempts"]) for row in rows}


async def _take(connection: Connection, timer_id: UUID) -> datetime | None:
    """Mark as fired what is still pending and due; the database's time, None if there is nothing to fire."""
    fired_at: datetime | None = await connection.fetchval(
        "UPDATE es.timer SET state = 'fired', fired_at = es.now() WHERE timer_id ="
        " (SELECT timer_id FROM es.timer WHERE timer_id = $1 AND state = 'pending' AND due_at <= es.now()"
        " FOR UPDATE SKIP LOCKED) RETURNING fired_at",
        timer_id,
    )
    return fired_at


def _tried(timer: Timer, attempt: int) -> Timer:
    return Timer(timer.timer_id, timer.tenant_id, timer.stream_id, timer.kind, timer.due_at, attempt, timer.cause)


def _pause_s(attempt: int) -> float:
    """2, 4, 8, … seconds, at most five minutes."""
    return float(min(FIRST_PAUSE_S * 2.0 ** min(attempt - 1, 20), MOST_PAUSE_S))
