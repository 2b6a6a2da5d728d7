"""Publishing a matrix gives the event, or every reason against it."""

from dispute_service.reasons.catalogue import REASON_BY_CODE
from dispute_service.routing.commands import MatrixCommand
from dispute_service.routing.events import MatrixEvent, MatrixPublished
from dispute_service.routing.matrix import CalendarSpec, MatrixProblem, ResolutionMatrix, problems_of
from dispute_service.routing.refusals import MatrixNotAcceptable
from dispute_service.routing.sla import calendar_of
from redress.calendars import CalendarError


def decide(command: MatrixCommand, state: ResolutionMatrix) -> list[MatrixEvent]:
    same_comment = command.comment in {None, state.comment}
    if (command.rules, command.calendars) == (state.rules, state.calendars) and same_comment:
        return []
    problems = problems_of(command.rules, command.calendars, frozenset(REASON_BY_CODE))
    problems += [
        MatrixProblem(("calendars", name), problem)
        for name, spec in command.calendars.items()
        if (problem := _calendar_problem(spec)) is not None
    ]
    if problems:
        raise MatrixNotAcceptable(tuple(problems))
    return [MatrixPublished(at=command.at, rules=command.rules, calendars=command.calendars, comment=command.comment)]


def _calendar_problem(spec: CalendarSpec) -> str | None:
    try:
        calendar_of(spec)
    except (CalendarError, ValueError) as problem:
        return str(problem)
    return None
