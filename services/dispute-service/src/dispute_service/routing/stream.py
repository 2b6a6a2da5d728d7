"""A company's resolution matrix as the log keeps it, and the id of its stream. A stored name never changes."""

from typing import Final
from uuid import UUID

from dispute_service.routing.events import MatrixEvent, MatrixPublished
from dispute_service.routing.matrix import ResolutionMatrix
from dispute_service.routing.state import INITIAL, evolve
from redress.eventlog.aggregates import Aggregate
from redress.eventlog.codec import Codec
from redress.ids import derived_uuid

MATRIX: Final[Aggregate[ResolutionMatrix, MatrixEvent]] = Aggregate(
    stream_type="resolution-matrix",
    initial=INITIAL,
    evolve=evolve,
    codec=Codec({"matrix-published": (1, MatrixPublished)}),
)


def matrix_stream(tenant_id: str) -> UUID:
    """Each company has one."""
    return derived_uuid("resolution-matrix", tenant_id)
