"""Commands during the work on a dispute: its reason, its owner, questions, answers and notes."""

from datetime import datetime
from typing import assert_never

from dispute_service.disputes import commands as c
from dispute_service.disputes import events as e
from dispute_service.disputes.decisions.guards import must_be_allowed, must_be_root_cause, promise
from dispute_service.disputes.refusals import (
    AnswerDueInPast,
    EscalationNotHigher,
    NobodyNamed,
    TooManyNotes,
    UnknownCode,
)
from dispute_service.disputes.state import Dispute, Status
from dispute_service.reasons.catalogue import REASON_BY_CODE
from dispute_service.routing.matrix import ResolutionMatrix, Routing
from dispute_service.routing.sla import Sla

MAX_ENTRIES = 1_000
HIGHEST_LEVEL = 3


def decide(  # noqa: PLR0911 - one arm per command
    command: c.WorkCommand, state: Dispute, policy: ResolutionMatrix, now: datetime
) -> list[e.DisputeEvent]:
    match command:
        case c.Classify():
            return _classify(command, state, policy, now)
        case c.AssignTo():
            return _assign_to(command, state, now)
        case c.AssignByMatrix():
            return _assign_by_matrix(command, state, policy, now)
        case c.RequestInformation():
            return _request_information(command, state, now)
        case c.RecordInformation():
            return _record_information(command, state, now)
        case c.AddNote():
            return _add_note(command, state, now)
        case c.Escalate():
            return _escalate(command, state, now)
    assert_never(command)


def _classify(command: c.Classify, state: Dispute, policy: ResolutionMatrix, now: datetime) -> list[e.DisputeEvent]:
    must_be_allowed("classify", command.at, state, now)
    if command.reason_code not in REASON_BY_CODE:
        raise UnknownCode("reason_code", command.reason_code, tuple(REASON_BY_CODE))
    must_be_root_cause(command.root_cause)
    if command.reason_code == state.reason_code and command.root_cause in (None, state.root_cause):
        return []
    routing: Routing | None = None
    sla: Sla | None = None
    if command.reason_code != state.reason_code:
        routing, sla = promise(
            policy, command.reason_code, state.money(state.open), state.legal_entity, state.sla.inputs.start
        )
    return [
        e.DisputeClassified(
            at=command.at,
            from_reason=state.reason_code,
            to_reason=command.reason_code,
            root_cause=command.root_cause,
            routing=routing,
            sla=sla,
        )
    ]


def _assign_to(command: c.AssignTo, state: Dispute, now: datetime) -> list[e.DisputeEvent]:
    must_be_allowed("assign", command.at, state, now)
    if command.owner is None and command.team is None:
        raise NobodyNamed
    # A new owner without a team stays in the dispute's team; a team alone takes the dispute into its queue.
    team = command.team or state.team
    same_reason = command.reason in {None, state.assignment_explanation}
    if (command.owner, team) == (state.owner, state.team) and same_reason and state.status is not Status.OPEN:
        return []
    return [
        e.DisputeAssigned(
            at=command.at,
            owner=command.owner,
            team=team,
            previous_owner=state.owner,
            previous_team=state.team,
            explanation=command.reason or "Assigned by a person.",
        )
    ]


def _assign_by_matrix(
    command: c.AssignByMatrix, state: Dispute, policy: ResolutionMatrix, now: datetime
) -> list[e.DisputeEvent]:
    must_be_allowed("assign", command.at, state, now)
    routing, sla = promise(
        policy, state.reason_code, state.money(state.open), state.legal_entity, state.sla.inputs.start
    )
    explanation = routing.explanation if command.reason is None else f"{routing.explanation} {command.reason}"
    promised = (routing.owner, routing.team, routing, sla.due_at)
    same_reason = command.reason is None or explanation == state.assignment_explanation
    if (
        promised == (state.owner, state.team, state.routing, state.sla.due_at)
        and same_reason
        and (state.status is not Status.OPEN)
    ):
        return []
    return [
        e.DisputeAssigned(
            at=command.at,
            owner=routing.owner,
            team=routing.team,
            previous_owner=state.owner,
            previous_team=state.team,
            explanation=explanation,
            routing=routing,
            sla=sla if sla.due_at != state.sla.due_at else None,
        )
    ]


def _request_information(command: c.RequestInformation, state: Dispute, now: datetime) -> list[e.DisputeEvent]:
    if command.request_id in state.entries:
        return []
    must_be_allowed("request-information", command.at, state, now)
    _must_have_room(state)
    today = command.today or command.at.date()
    if command.due < today:
        raise AnswerDueInPast(command.due, today)
    return [
        e.InformationRequested(
            at=command.at, request_id=command.request_id, asked=command.asked, what=command.what, due=command.due
        )
    ]


def _record_information(command: c.RecordInformation, state: Dispute, now: datetime) -> list[e.DisputeEvent]:
    if command.record_id in state.entries:
        return []
    must_be_allowed("record-information", command.at, state, now)
    _must_have_room(state)
    return [e.InformationRecorded(at=command.at, record_id=command.record_id, text=command.text)]


def _add_note(command: c.AddNote, state: Dispute, now: datetime) -> list[e.DisputeEvent]:
    if command.note_id in state.entries:
        return []
    must_be_allowed("add-note", command.at, state, now)
    _must_have_room(state)
    return [e.NoteAdded(at=command.at, note_id=command.note_id, text=command.text, visibility=command.visibility)]


def _escalate(command: c.Escalate, state: Dispute, now: datetime) -> list[e.DisputeEvent]:
    must_be_allowed("escalate", command.at, state, now)
    said_before = (state.escalation_level, state.escalation_reason)
    if (command.level, command.reason) == said_before and command.to in {None, state.escalated_to}:
        return []
    if not state.escalation_level < command.level <= HIGHEST_LEVEL:
        raise EscalationNotHigher(command.level, state.escalation_level, HIGHEST_LEVEL)
    to = command.to
    if to is None and state.routing.backup is not None:
        to = state.routing.backup
    return [e.DisputeEscalated(at=command.at, level=command.level, reason=command.reason, to=to)]


def _must_have_room(state: Dispute) -> None:
    if len(state.entries) >= MAX_ENTRIES:
        raise TooManyNotes(MAX_ENTRIES)
