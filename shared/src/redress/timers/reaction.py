"""A timer's reaction: the events of a stream at that time, written together with the mark that the timer fired."""

from collections.abc import Awaitable, Callable
from datetime import datetime

from redress.eventlog.connections import Connection
from redress.eventlog.events import Actor, Meta
from redress.handling.reactor import AppendsInTransaction, write_in_transaction
from redress.handling.unit_of_work import Cause, UnitOfWork
from redress.ids import derived_uuid, public_id
from redress.timers.poller import FireTimer
from redress.timers.timers import Timer

TimerReaction = Callable[[UnitOfWork, Timer, datetime], Awaitable[None]]
"""Records what the timer causes at the instant; nothing when the reason for it is over."""


def firing(service: str, kind: str, log: AppendsInTransaction, react: TimerReaction) -> FireTimer:
    """How timers of this kind are fired: `react` on a unit of work whose events name the timer's cause."""

    async def fire(connection: Connection, timer: Timer, now: datetime) -> None:
        command_id = str(derived_uuid(kind, str(timer.timer_id)))
        meta = Meta(
            actor=Actor("system", f"{service}/{kind}"),
            command_id=command_id,
            correlation_id=command_id,
            causation_id=None if timer.cause is None else public_id("evt", timer.cause),
        )

        async def work(uow: UnitOfWork) -> None:
            await react(uow, timer, now)

        await write_in_transaction(log, connection, timer.tenant_id, Cause(meta, now), work)

    return fire
