"""A promise's time is over: if the dispute was not answered, that is an event."""

from datetime import datetime

from dispute_service.corridor.streams import read_on
from dispute_service.corridor.unit import Unit
from dispute_service.disputes.commands import BreachSla
from dispute_service.disputes.handle import change_dispute
from dispute_service.disputes.state import Dispute
from dispute_service.disputes.stream import DISPUTE
from redress.eventlog.events import Actor, Meta
from redress.eventlog.postgres import PostgresEventLog
from redress.ids import derived_uuid, public_id
from redress.projections.projection import Connection
from redress.timers.timers import Timer

NAME = "sla-breach"


class SlaBreach:
    """Fires the timers that `sla/clock.py` sets. A dispute that was answered is left alone."""

    def __init__(self, log: PostgresEventLog) -> None:
        self._log = log

    async def fire(self, connection: Connection, timer: Timer, now: datetime) -> None:
        unit = Unit(read_on(connection, timer.tenant_id))
        state = await unit.state(DISPUTE, timer.stream_id)
        if not isinstance(state, Dispute):
            return
        command_id = str(derived_uuid(NAME, str(timer.timer_id)))
        meta = Meta(
            actor=Actor("system", NAME),
            command_id=command_id,
            correlation_id=command_id,
            causation_id=None if timer.cause is None else public_id("evt", timer.cause),
        )
        breach = BreachSla(at=now, due_at=state.sla.due_at)
        await change_dispute(unit, timer.tenant_id, timer.stream_id, breach, now=now, meta=meta)
        writes = unit.writes()
        if writes:
            await self._log.append_on(connection, timer.tenant_id, writes)
