"""Looks for what is due and has it sent, a few at a time; the mails about one subject one after the other."""

import asyncio
from typing import Protocol
from uuid import UUID

import asyncpg
import structlog

from notification_service.notices.notice import Subject
from notification_service.notifications.list import DueNotification, due_notifications
from notification_service.notifications.state import Status
from notification_service.sending.metrics import SendingMetrics
from redress.clock import Clock
from redress.eventlog.log import EventLogError

AT_ONCE = 4  # mails in hand: a mail server of one's own takes them faster than they come
LOOK_AHEAD = 100  # more than AT_ONCE, so that one subject with many mails does not hold the others up
POLL_S = 0.5
PAUSE_AFTER_FAILURE_S = 2.0

_log = structlog.stdlib.get_logger("notification_service.sending")

_TROUBLE = (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, EventLogError)


class NotificationSender(Protocol):
    """Makes one attempt; see `attempt.Attempts`."""

    async def send(self, tenant_id: str, notification_id: UUID) -> Status | None: ...


class SendingLoop:
    """Run until `stop` is set; then finish the mails in hand and begin no new one."""

    def __init__(
        self,
        pool: asyncpg.Pool,
        attempts: NotificationSender,
        clock: Clock,
        metrics: SendingMetrics,
        *,
        poll_s: float = POLL_S,
    ) -> None:
        self._pool = pool
        self._attempts = attempts
        self._clock = clock
        self._metrics = metrics
        self._poll_s = poll_s
        self._in_hand: dict[tuple[str, Subject], asyncio.Task[None]] = {}
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        """Begin nothing new."""
        self._stopping.set()

    async def run(self) -> None:
        """Send until `stop`, then finish what is in hand. Cancelled instead, it leaves what is in hand to its lease."""
        stopping = asyncio.create_task(self._stopping.wait())
        try:
            while not self._stopping.is_set():
                await self.begin_what_is_due()
                await asyncio.wait(
                    {stopping, *self._in_hand.values()}, timeout=self._poll_s, return_when=asyncio.FIRST_COMPLETED
                )
            await asyncio.gather(*self._in_hand.values())
        finally:
            stopping.cancel()
            for task in self._in_hand.values():
                task.cancel()

    async def begin_what_is_due(self) -> int:
        """Begin as many as hands are free. How many were begun."""
        free = AT_ONCE - len(self._in_hand)
        begun = 0
        for due in await self._due() if free > 0 else []:
            subject = (due.tenant_id, due.subject)
            if subject in self._in_hand:
                continue
            self._in_hand[subject] = asyncio.create_task(self._send(due))
            begun += 1
            if begun == free:
                break
        self._metrics.in_hand.set(len(self._in_hand))
        return begun

    async def until_idle(self) -> None:
        """Send everything that is due now, and return when it is done."""
        while await self.begin_what_is_due() or self._in_hand:
            await asyncio.gather(*self._in_hand.values())

    async def _due(self) -> list[DueNotification]:
        try:
            async with self._pool.acquire(timeout=5.0) as connection:
                return await due_notifications(connection, self._clock.now(), LOOK_AHEAD)
        except _TROUBLE as trouble:
            _log.warning("sender_cannot_look", reason=f"{type(trouble).__name__}: {trouble}")
            return []

    async def _send(self, due: DueNotification) -> None:
        try:
            await self._attempts.send(due.tenant_id, due.notification_id)
        except _TROUBLE as trouble:
            # The attempt is settled when its lease ends; here only the next one must not start at once.
            _log.warning(
                "attempt_broke_off",
                notification=str(due.notification_id),
                reason=f"{type(trouble).__name__}: {trouble}",
            )
            await asyncio.sleep(PAUSE_AFTER_FAILURE_S)
        finally:
            del self._in_hand[due.tenant_id, due.subject]
