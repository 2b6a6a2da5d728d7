"""Looks every second for messages whose wait is over but that nobody has released, and for those a process died over.

The process that registers an invoice releases what waited for it at once. The sweep is for the cases in between: both
came at the same moment in two processes, or a process died. So no message waits for ever.

A message that fails is noted and left for later. It stops neither the others of its tenant nor other tenants.
"""

import asyncio
import contextlib
from collections.abc import Sequence
from datetime import timedelta
from itertools import groupby

import structlog

from collections_service.erp.intake import Intake
from collections_service.erp.message_store import MessageStore, StoredMessage
from collections_service.erp.taking import Sender
from redress.clock import Clock
from redress.eventlog.events import Actor

PAUSE_S = 1.0
SETTLING = timedelta(seconds=5)  # longer than any request is in work: what is younger may still be in good hands
FAILURES_IN_A_ROW = 5  # then the rest of the tenant's messages is left to the next round

_SENDER = Sender(actor=Actor("system", "erp-sweep"), via="sweep", correlation_id="erp-sweep")
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
        """Take what can be taken now. How many messages settled. OUTAGE if not even a failure could be noted."""
        now = self._clock.now()
        stored = sorted(await self._store.unsettled(now, now - SETTLING), key=lambda message: message.tenant_id)
        settled = 0
        for tenant_id, messages in groupby(stored, key=lambda message: message.tenant_id):
            settled += await self._take(tenant_id, list(messages))
        if stored:
            _log.info("messages_released", found=len(stored), settled=settled)
        return settled

    async def _take(self, tenant_id: str, messages: Sequence[StoredMessage]) -> int:
        """All of a tenant's at once; if that fails, each by itself."""
        try:
            return await self._intake.retake(tenant_id, messages, _SENDER)
        except Exception:  # noqa: BLE001 - nobody may be held up by it
            _log.exception("messages_not_released", tenant=tenant_id, messages=len(messages))
        settled = in_a_row = 0
        for message in messages:
            try:
                settled += await self._intake.retake(tenant_id, [message], _SENDER)
                in_a_row = 0
            except Exception as failure:  # noqa: BLE001 - nor by this one
                _log.exception("message_not_released", tenant=tenant_id, message=message.id)
                reason = f"something failed here ({type(failure).__name__}); the message will be tried again"
                await self._store.note_failures(tenant_id, {message.id: reason}, self._clock.now())
                in_a_row += 1
            if in_a_row == FAILURES_IN_A_ROW:
                break
        return settled
