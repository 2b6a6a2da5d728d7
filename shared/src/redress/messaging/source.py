"""Where a consumer gets its events from: the own log, another service's feed, or a Kafka topic.

Every source delivers the same thing, so that the runner (and every handler) cannot tell them apart: items that name
their shard, their place in the publishing log, and the place that must have been applied before them.

SourceError
├── ConsumerHalted          going on would be wrong; a person has to look
│   ├── EpochChanged        the publishing log was restored: positions no longer mean what they meant
│   ├── GapNotClosed        events are missing and cannot be had from anywhere
│   └── PositionBeyondHead  the checkpoint is ahead of the log it was taken from
└── SourceUnavailable       the other side did not answer; try again later
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Generic, Protocol, TypeVar
from uuid import UUID

from msgspec import Struct

E = TypeVar("E")


class SourceError(Exception):
    """Any failure to get events."""


class ConsumerHalted(SourceError):
    """Going on would lose, double or mix events. A retry is no use before an operator has acted; the error is loud."""


class EpochChanged(ConsumerHalted):
    def __init__(self, shard: int, known: str, found: str) -> None:
        super().__init__(f"shard {shard} was followed in epoch {known or '(none)'}, the source is now in epoch {found}")


class GapNotClosed(ConsumerHalted):
    def __init__(self, shard: int, after: int, through: int) -> None:
        super().__init__(f"events of shard {shard} after position {after} up to {through} are missing at the source")


class PositionBeyondHead(ConsumerHalted):
    def __init__(self, position: int, head: int) -> None:
        super().__init__(f"the checkpoint is {position}, but the log ends at {head}: it was restored or replaced")


class SourceUnavailable(SourceError):
    pass


MAIN_LOG = "main"  # of a service that has no other


class Mark(Struct, frozen=True):
    """How far a consumer has come on one shard: everything up to `seq` is applied.

    `epoch` names the log that `seq` belongs to, "" before the first event. `offset` is the broker's position to read
    on from, None if this shard was never read from a broker.
    """

    seq: int = 0
    epoch: str = ""
    offset: int | None = None


class SourceItem(Struct, Generic[E], frozen=True, kw_only=True):
    """One event on its way to a handler.

    `follows` is the promise that makes a loss visible: the source has nothing between `follows` and `seq` on this
    shard. `stream` is what parking keeps together.
    """

    event: E
    shard: int
    seq: int
    follows: int
    epoch: str
    stream: UUID
    tenant: str


class Batch(Struct, Generic[E], frozen=True, kw_only=True):
    """Items in the order in which they are to be applied.

    For a shard in `reached`, the source vouches that nothing else lies between `since` and that position. `offsets`
    are the broker's positions after this batch. `behind` is how many events the source holds beyond it, None if
    unknown.
    """

    items: tuple[SourceItem[E], ...] = ()
    epoch: str = ""
    since: int = 0
    reached: Mapping[int, int] = {}
    offsets: Mapping[int, int] = {}
    behind: int | None = None


ReadMarks = Callable[[], Awaitable[Mapping[int, Mark]]]


class Source(Protocol[E]):
    """A supplier of events. One instance serves one runner.

    `service` and `log` are whose and which log it is: marks are kept by them. `service` None is the own log; a topic of
    another system counts as a service of the topic's name. `numbered` says that `seq` proves order and completeness;
    a topic of another system has only offsets, and its handler must be idempotent by itself.
    """

    @property
    def service(self) -> str | None: ...

    @property
    def log(self) -> str: ...

    @property
    def shards(self) -> tuple[int, ...]: ...

    @property
    def numbered(self) -> bool: ...

    async def open(self, read_marks: ReadMarks) -> None:
        """Connect. `read_marks` gives the stored positions whenever the source needs them (after a rebalance)."""
        ...

    async def fetch(self, marks: Mapping[int, Mark], limit: int, timeout_s: float) -> Batch[E]:
        """The items after the marks, about `limit` of them; an empty batch when nothing came within `timeout_s`.

        SourceUnavailable when the other side is down.
        """
        ...

    async def missing(self, shard: int, after: int, through: int) -> tuple[SourceItem[E], ...]:
        """All items of a shard with after < seq ≤ through, for a consumer that found a hole.

        GapNotClosed if the source cannot vouch for all of them.
        """
        ...

    async def one(self, shard: int, seq: int) -> SourceItem[E]:
        """A single item again, for a parked event. GapNotClosed if it is gone."""
        ...

    async def applied(self, batch: Batch[E]) -> None:
        """The batch is durable; a broker may get it, as a hint for lag monitors."""
        ...

    async def close(self) -> None: ...
