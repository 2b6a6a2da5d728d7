"""Looks every second for messages whose wait is over but that nobody has released, and for those a process died over.

The process that registers an invoice releases what waited for it at once. The sweep is for the cases in between: both
came at the same moment in two processes, or a process died. So no message waits for ever.
"""

import asyncio
import contextlib
from datetime import timedelta

import structlog

from collections_service.erp_intake.intake import Intake, Sender
from collections_service.erp_intake.message_store import MessageStore
from redress.clock import Clock
from redress.eventlog.events import Actor

PAUSE_S = 1.0
SETTLING = timedelta(seconds=5)  # longer than any request is in work: what is younger may still be in good hands

_log = structlog.stdlib.get_logger("collections.sweep")


class Sweep:
    """Runs in the worker, over all tenants."""

    def __init__(self, intake: Intake, store: MessageStore, clock: Clock) -> None:
        self._intake = intake
        self._store = store
        self._clock = clock

    async def run(self, stop: asyncio.Event) -> None:
        """Look until told to stop; what is in hand is finished first."""
        while not stop.is_set():
            if not await self.once():
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(PAUSE_S):
                        await stop.wait()

    async def once(self) -> int:
        """Take what can be taken now. How many messages settled."""
        stored = await self._store.unsettled(self._clock.now() - SETTLING)
        if not stored:
            return 0
        sender = Sender(actor=Actor("system", "erp-sweep"), via="sweep", correlation_id="erp-sweep")
        settled = await self._intake.retake(stored, sender)
        _log.info("messages_released", found=len(stored), settled=settled)
        return settled
