"""The events of a company's resolution matrix."""

from datetime import datetime
from typing import Final

from msgspec import Struct

from dispute_service.routing.matrix import CalendarSpec, Rule
from redress.codec import Codec


class MatrixPublished(Struct, frozen=True, kw_only=True):
    """A whole new matrix; it is in force for decisions taken from then on. Its version is the stream's."""

    at: datetime
    rules: tuple[Rule, ...]
    calendars: dict[str, CalendarSpec]
    comment: str | None = None


MatrixEvent = MatrixPublished

# Stored names and versions. A stored name never changes.
MATRIX_CODEC: Final[Codec[MatrixEvent]] = Codec(
    {
        "matrix-published": (1, MatrixPublished),
    }
)
