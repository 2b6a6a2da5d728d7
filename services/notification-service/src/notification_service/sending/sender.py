"""The worker's part that sends: built of the service's settings, stopped with the mails in hand finished."""

import asyncio
from collections.abc import Sequence
from typing import Any

from notification_service.inbox.kit import NoticeKit
from notification_service.sending.attempt import Attempts
from notification_service.sending.loop import SendingLoop
from notification_service.sending.mail import Sender
from notification_service.sending.metrics import SendingMetrics
from notification_service.sending.smtp import Server, Smtp
from notification_service.wording.compose import Wording
from redress.ops.run import Part
from redress.service.feature import WorkerParts


def wording_of(kits: Sequence[NoticeKit]) -> Wording:
    """The letters of all kits."""
    return Wording([letter for kit in kits for letter in kit.letters], [kit.texts for kit in kits])


def sender_part(
    service: str, kits: Sequence[NoticeKit], parts: WorkerParts[Any], *, server: Server, sender: Sender
) -> Part:
    metrics = SendingMetrics(parts.registry)
    attempts = Attempts(
        parts.log,
        parts.log.pool,
        parts.vault,
        Smtp(server, local_name=sender.host),
        service=service,
        wording=wording_of(kits),
        worth={subject_type: check for kit in kits for subject_type, check in kit.worth.items()},
        sender=sender,
        policies=parts.policies,
        clock=parts.clock,
        metrics=metrics,
    )

    async def run(stop: asyncio.Event) -> None:
        """Run until `stop` is set; the mails in hand are finished first."""
        loop = SendingLoop(parts.log.pool, attempts, parts.clock, metrics)
        stopping = asyncio.create_task(_stop_when(stop, loop))
        try:
            await loop.run()
        finally:
            stopping.cancel()

    return Part("sender", run)


async def _stop_when(stop: asyncio.Event, loop: SendingLoop) -> None:
    await stop.wait()
    loop.stop()
