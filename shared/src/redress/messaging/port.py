"""The message broker that Redress needs. `kafka.py` keeps these promises, and `memory.py` for tests.

Small on purpose: order inside a partition, an honest answer to a publish, and reading on from a given offset. Positions
are kept by the caller; what a broker remembers of them is a hint for those who watch.

BrokerError
├── BrokerUnavailable   it did not answer in time, or refused; whether something happened is not known
└── PublishFailed       a batch was not stored as a whole; this producer must not be used again
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Protocol

from msgspec import Struct


class BrokerError(Exception):
    """Any failure of a broker or of the way to it."""


class BrokerUnavailable(BrokerError):
    pass


class PublishFailed(BrokerError):
    pass


class OutgoingMessage(Struct, frozen=True):
    """A message to be published. The caller chooses the partition: it must be the same on every transport."""

    partition: int
    key: bytes
    value: bytes
    headers: Sequence[tuple[str, bytes]]
    timestamp_ms: int


class IncomingMessage(Struct, frozen=True):
    """A message that was read. `value` is None where another system deleted it. The last of equal headers counts."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: Mapping[str, bytes]
    timestamp_ms: int


class PolledMessages(Struct, frozen=True):
    """Messages, in order inside each partition.

    `lost` are partitions whose wanted offset the broker does not have (any more): reading goes on at its oldest
    message, and what lies between is to be had elsewhere. `behind` is how many messages wait beyond these.
    """

    messages: tuple[IncomingMessage, ...] = ()
    lost: frozenset[int] = frozenset()
    behind: int = 0


class TopicSpec(Struct, frozen=True):
    """A topic as it shall be. `settings` are the broker's own names and values."""

    name: str
    partitions: int
    replication: int
    settings: Mapping[str, str] = {}


Positions = Callable[[Sequence[int]], Awaitable[Mapping[int, int]]]


class Producer(Protocol):
    async def start(self) -> None:
        """BrokerUnavailable."""
        ...

    async def publish(self, topic: str, batch: Sequence[OutgoingMessage]) -> None:
        """Store the batch, in order inside each partition, on all in-sync replicas.

        PublishFailed when any of it is not known to be stored; some of it may be, now or later.
        """
        ...

    async def close(self) -> None:
        """Close within seconds in any state of the broker. Does not raise."""
        ...


class Consumer(Protocol):
    """A member of a group; the broker shares the topic's partitions out among the members."""

    async def start(self, positions: Positions) -> None:
        """Join. `positions` gives the offsets to read on from whenever partitions are assigned; none means the oldest.

        BrokerUnavailable.
        """
        ...

    async def poll(self, limit: int, timeout_s: float) -> PolledMessages:
        """Up to `limit` messages, waiting at most `timeout_s` for the first. BrokerUnavailable."""
        ...

    async def commit(self, offsets: Mapping[int, int]) -> None:
        """Tell the broker how far this group is: for lag monitors. Failures are swallowed, they change nothing."""
        ...

    async def close(self) -> None: ...


class Broker(Protocol):
    def producer(self) -> Producer: ...

    def consumer(self, topic: str, group: str, member: str) -> Consumer:
        """`member` names this process for ever: after a restart it gets its partitions back without a rebalance."""
        ...

    async def read(self, topic: str, partition: int, offset: int) -> IncomingMessage | None:
        """One message again; None if the broker does not have it any more. BrokerUnavailable."""
        ...

    async def partitions(self, topic: str) -> int:
        """How many partitions a topic has, 0 if there is no such topic. BrokerUnavailable."""
        ...

    async def make_topics(self, topics: Sequence[TopicSpec]) -> list[str]:
        """Create what is missing and bring settings up to date; the names of the topics that were created.

        A topic that exists with another number of partitions is refused (ValueError): it cannot be changed.
        """
        ...
