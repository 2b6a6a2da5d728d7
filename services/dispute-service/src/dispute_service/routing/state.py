"""A company's resolution matrix: the built-in default until one is published. `evolve` never raises."""

import msgspec

from dispute_service.routing.events import MatrixEvent
from dispute_service.routing.matrix import ResolutionMatrix, default_matrix

INITIAL = default_matrix()


def evolve(state: ResolutionMatrix, event: MatrixEvent) -> ResolutionMatrix:
    return msgspec.structs.replace(
        state, version=state.version + 1, rules=event.rules, calendars=event.calendars, comment=event.comment
    )
