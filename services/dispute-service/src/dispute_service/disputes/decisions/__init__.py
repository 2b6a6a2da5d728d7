"""What follows from a command: the events it makes, or a refusal. An empty list means that it is already so.

One function per command, in the family it belongs to; `decide` finds it. `policy` is the resolution matrix in force,
`now` the time it is asked.
"""

from datetime import datetime
from typing import assert_never

from dispute_service.disputes import commands as c
from dispute_service.disputes import events as e
from dispute_service.disputes.decisions import ending, ledger, opening, working
from dispute_service.disputes.refusals import NoSuchDispute
from dispute_service.disputes.state import NotOpened, State
from dispute_service.routing.matrix import ResolutionMatrix


def decide(  # noqa: C901, PLR0911, PLR0912 - one arm per command
    command: c.DisputeCommand, state: State, policy: ResolutionMatrix, now: datetime
) -> list[e.DisputeEvent]:
    if isinstance(command, c.Open):
        return opening.open_(command, state, policy, now)
    if isinstance(state, NotOpened):
        raise NoSuchDispute
    match command:
        case c.Classify():
            return working.classify(command, state, policy, now)
        case c.AssignTo():
            return working.assign_to(command, state, now)
        case c.AssignByMatrix():
            return working.assign_by_matrix(command, state, policy, now)
        case c.RequestInformation():
            return working.request_information(command, state, now)
        case c.RecordInformation():
            return working.record_information(command, state, now)
        case c.AddNote():
            return working.add_note(command, state, now)
        case c.Decide():
            return ending.decide(command, state, now)
        case c.Resolve():
            return ending.resolve(command, state, now)
        case c.Close():
            return ending.close(command, state, now)
        case c.Reopen():
            return ending.reopen(command, state, policy, now)
        case c.Withdraw():
            return ending.withdraw(command, state, now)
        case c.Escalate():
            return working.escalate(command, state, now)
        case c.ApplyPayment():
            return ledger.apply_payment(command, state)
        case c.ApplyCreditMemo():
            return ledger.apply_credit_memo(command, state)
        case c.ReversePayment():
            return ledger.reverse_payment(command, state, policy)
        case c.NoteInvoice():
            return ledger.note_invoice(command, state)
        case c.BreachSla():
            return ledger.breach_sla(command, state, now)
    assert_never(command)
