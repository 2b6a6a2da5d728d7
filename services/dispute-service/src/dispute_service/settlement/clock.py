"""Set and cancel the timer of what each dispute waits for, following the own log.

A due date that was over when it was recorded (a resolution recorded late) rings a little later: the posting may stand
behind it in the same import.
"""

from datetime import datetime, timedelta
from typing import Final

from dispute_service.disputes import events as e
from dispute_service.disputes.stream import DISPUTE
from redress.timers.deadlines import Deadline, Deadlines

KIND: Final = "settlement"
RECORDED_LATE_GRACE: Final = timedelta(minutes=2)
GRANTED_BEFORE_THERE_WERE_TERMS: Final = timedelta(days=14)


def settlement_clock() -> Deadlines[e.DisputeEvent]:
    """One pending timer per dispute that waits for a posting and has no task about it."""
    return Deadlines(DISPUTE, name="settlement-clock", kind=KIND, deadline=deadline)


def deadline(event: e.DisputeEvent, recorded_at: datetime) -> Deadline:
    """What an event does to the timer of its dispute."""
    match event:
        case (
            e.DisputeResolved()
            | e.PaymentReversed()
            | e.CreditReversed()
            | e.WriteOffReversed()
            | e.AnswerReversed()
            | e.SettlementTaskDone()
        ):
            if event.settlement is not None:
                return _ring_at(event.settlement.due_at, recorded_at)
            return _of_older(event, recorded_at)
        case e.DisputeSettled() | e.SettlementGivenUp() | e.SettlementOverdue():
            return "over"
        case e.DisputeReopened() if not event.keeps_grants:
            return "over"
        case _:
            return None


def _of_older(event: e.DisputeEvent, recorded_at: datetime) -> Deadline:
    """Credits that were granted, or are awaited again, by events that name no due date."""
    is_grant = isinstance(event, e.DisputeResolved) and any(outcome.credit for outcome in event.outcomes)
    if is_grant or (isinstance(event, e.CreditReversed) and event.into == "awaiting"):
        return _ring_at(event.at + GRANTED_BEFORE_THERE_WERE_TERMS, recorded_at)
    return None


def _ring_at(due_at: datetime, recorded_at: datetime) -> datetime:
    return due_at if due_at > recorded_at else recorded_at + RECORDED_LATE_GRACE
