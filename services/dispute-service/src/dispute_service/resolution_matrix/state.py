"""A company's resolution matrix: the built-in default until one is published. `evolve` never raises."""

import msgspec

from dispute_service.policies.matrix import ResolutionMatrix, default_matrix
from dispute_service.resolution_matrix.events import MatrixEvent

INITIAL = default_matrix()


def evolve(state: ResolutionMatrix, event: MatrixEvent) -> ResolutionMatrix:
    return msgspec.structs.replace(state, version=state.version + 1, rules=event.rules, calendars=event.calendars)
