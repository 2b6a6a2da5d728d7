"""The timer of what a dispute waits for: when the posting has not come, it is a task for accounting."""

from datetime import datetime

from dispute_service.disputes.commands import NoteSettlementOverdue
from dispute_service.disputes.handle import handle
from dispute_service.disputes.state import Dispute
from dispute_service.disputes.stream import DISPUTE
from redress.handling.unit_of_work import UnitOfWork
from redress.timers.timers import Timer


async def overdue(uow: UnitOfWork, timer: Timer, now: datetime) -> None:
    """Fire a timer that `settlement/clock.py` set. A dispute that waits for nothing is left alone."""
    state = await uow.state(DISPUTE, timer.stream_id)
    if isinstance(state, Dispute):
        due_at = timer.due_at if state.settlement is None else state.settlement.due_at
        await handle(uow, timer.stream_id, NoteSettlementOverdue(at=now, due_at=due_at), now)
