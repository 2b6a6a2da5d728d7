"""A company's resolution matrix as the log keeps it, and the id of its stream. A stored name never changes."""

from typing import Final
from uuid import UUID

from dispute_service.routing.events import MATRIX_CODEC, MatrixEvent
from dispute_service.routing.matrix import ResolutionMatrix
from dispute_service.routing.state import INITIAL, evolve
from redress.decider import Decider
from redress.ids import derived_uuid

MATRIX: Final[Decider[ResolutionMatrix, MatrixEvent]] = Decider(
    stream_type="resolution-matrix",
    initial=INITIAL,
    evolve=evolve,
    codec=MATRIX_CODEC,
    dated=True,
)


def matrix_stream(tenant_id: str) -> UUID:
    """Each company has one."""
    return derived_uuid("resolution-matrix", tenant_id)
