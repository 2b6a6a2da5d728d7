"""A promise's time is over: if the dispute was not answered, that is an event."""

from datetime import datetime

from dispute_service.disputes.commands import BreachSla
from dispute_service.disputes.handle import handle
from dispute_service.disputes.state import Dispute
from dispute_service.disputes.stream import DISPUTE
from redress.handling.unit_of_work import UnitOfWork
from redress.timers.timers import Timer


async def breach(uow: UnitOfWork, timer: Timer, now: datetime) -> None:
    """The timers that `sla/clock.py` sets. A dispute that was answered is left alone."""
    state = await uow.state(DISPUTE, timer.stream_id)
    if isinstance(state, Dispute):
        await handle(uow, timer.stream_id, BreachSla(at=now, due_at=state.sla.due_at), now)
