"""The timer of a promise: an unanswered dispute records the breach."""

from datetime import datetime

from dispute_service.disputes.commands import BreachSla
from dispute_service.disputes.handle import handle
from dispute_service.disputes.state import Dispute
from dispute_service.disputes.stream import DISPUTE
from redress.handling.unit_of_work import UnitOfWork
from redress.timers.timers import Timer


async def breach(uow: UnitOfWork, timer: Timer, now: datetime) -> None:
    """Fire a timer that `sla/clock.py` set. An answered dispute is left alone."""
    state = await uow.state(DISPUTE, timer.stream_id)
    if isinstance(state, Dispute):
        await handle(uow, timer.stream_id, BreachSla(at=now, due_at=state.sla.due_at), now)
