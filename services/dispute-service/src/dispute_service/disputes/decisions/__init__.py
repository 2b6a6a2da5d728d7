"""Decide a command: the events it makes, or a refusal. An empty list means that it is already so.

Commands come in families, a module each, with one function per command; `decide` finds the family. `policy` is the
resolution matrix in force, `now` the time it is asked.
"""

from datetime import datetime

from dispute_service.disputes import commands as c
from dispute_service.disputes import events as e
from dispute_service.disputes.decisions import ending, ledger, opening, settling, working
from dispute_service.disputes.refusals import NoSuchDispute
from dispute_service.disputes.state import State, UnopenedDispute
from dispute_service.routing.matrix import ResolutionMatrix


def decide(command: c.DisputeCommand, state: State, policy: ResolutionMatrix, now: datetime) -> list[e.DisputeEvent]:
    if isinstance(command, c.Open):
        return opening.decide(command, state, policy, now)
    if isinstance(state, UnopenedDispute):
        raise NoSuchDispute
    if isinstance(command, c.WorkCommand):
        return working.decide(command, state, policy, now)
    if isinstance(command, c.EndingCommand):
        return ending.decide(command, state, policy, now)
    if isinstance(command, c.SettlementCommand):
        return settling.decide(command, state, policy, now)
    return ledger.decide(command, state, policy, now)
