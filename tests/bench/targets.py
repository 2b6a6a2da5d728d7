"""What the figures are held against: issue 4 §3. Ratios inside one run; times and bytes of a machine prove nothing."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bench.append import EVENTSOURCING, INSERT, OURS
from bench.http_api import BARE
from bench.measure import Comparison
from bench.part_payments import TITLE as PART_PAYMENTS
from bench.transports import BARE as BARE_KAFKA
from bench.transports import FROM_KAFKA, OVER_FEED, OVER_KAFKA, P50, P99, RELAY


@dataclass(frozen=True)
class Target:
    """`at_most` where less is better. `of` finds the figure in a comparison with that title."""

    measure: str
    title: str
    of: Callable[[Comparison], float]
    target: float
    stretch: float
    at_most: bool = False


@dataclass(frozen=True)
class Judged:
    target: Target
    value: float

    @property
    def verdict(self) -> str:
        for name, bound in (("stretch", self.target.stretch), ("met", self.target.target)):
            if self.value <= bound if self.target.at_most else self.value >= bound:
                return name
        return "missed"


def _over(other: str) -> Callable[[Comparison], float]:
    """How many times as fast as the other."""
    return lambda c: 1 / c.ratio(OURS, other) if c.lower_is_better else c.ratio(OURS, other)


def _last_ratio(comparison: Comparison) -> float:
    ratio = list(comparison.figures.values())[-1].ratio
    assert ratio is not None
    return ratio


def _figure(name: str) -> Callable[[Comparison], float]:
    return lambda c: c.figures[name].value


TARGETS = (
    Target("append, 32 writers / one INSERT", "append to new streams, 32 writers", _over(INSERT), 1.2, 2.0),
    Target("append, 32 writers / eventsourcing", "append to new streams, 32 writers", _over(EVENTSOURCING), 8, 15),
    Target("append, 1 writer / one INSERT", "append to new streams, 1 writer", _over(INSERT), 0.6, 0.8),
    Target("hot stream, 32 in flight / eventsourcing", "one hot stream, 32 commands in flight", _over(EVENTSOURCING), 20, 100),
    Target("replay of 1,000 events / eventsourcing", "load and fold one aggregate of 1,000 events", _over(EVENTSOURCING), 12, 20),
    Target("POST /v1/disputes, 32 connections / bare FastAPI + one INSERT", "POST /v1/disputes, 32", _over(BARE), 0.6, 1.0),
    Target("fold of the whole log / eventsourcing", "fold a log", _over(EVENTSOURCING), 4, 6),
    Target("memory above base while folding, MB", "memory above base while folding", lambda c: c.figures[OURS].value, 100, 30, at_most=True),
    Target("catch-up over the feed / eventsourcing", "catch-up of a projection", lambda c: c.ratio(OVER_FEED, EVENTSOURCING), 25, 60),
    Target("catch-up over Kafka / eventsourcing, relay and consumer together", "catch-up of a projection", lambda c: c.ratio(OVER_KAFKA, EVENTSOURCING), 25, 60),
    Target("catch-up over Kafka / eventsourcing, the topic being there", "catch-up of a projection", lambda c: c.ratio(FROM_KAFKA, EVENTSOURCING), 25, 60),
    Target("relay to Kafka / bare aiokafka producer", "relay of", lambda c: c.ratio(RELAY, BARE_KAFKA), 0.6, 0.9),
    *(
        Target(f"commit → visible over {transport}, {share}, ms", f"commit → visible over {transport}", _figure(share), target, stretch, at_most=True)
        for transport, share, target, stretch in (("the feed", P50, 20, 8), ("the feed", P99, 150, 50), ("Kafka", P50, 30, 12), ("Kafka", P99, 200, 80))
    ),
    Target("append, largest log / smallest", "append to a new stream, by size", _last_ratio, 1.3, 1.1, at_most=True),
    Target("append to an old stream, largest log / smallest", "append to an old stream, by size", _last_ratio, 1.3, 1.1, at_most=True),
    Target("load, largest log / smallest", "load, by size", _last_ratio, 1.3, 1.1, at_most=True),
    Target("first page of disputes, most / fewest", "GET /v1/disputes, first page", _last_ratio, 1.3, 1.1, at_most=True),
    Target("deep page of disputes, most / fewest", "GET /v1/disputes, deep page", _last_ratio, 1.3, 1.1, at_most=True),
    Target("part payment, the last hundred of 1,000 / the first", PART_PAYMENTS, _last_ratio, 1.3, 1.1, at_most=True),
    Target("newest page, largest log / smallest", "newest page of 100, by size", _last_ratio, 1.3, 1.1, at_most=True),
)  # fmt: skip


def judge(comparisons: Sequence[Comparison]) -> list[Judged]:
    """The targets whose figures were measured in this run."""
    return [
        Judged(target, target.of(comparison))
        for target in TARGETS
        for comparison in comparisons
        if comparison.title.startswith(target.title)
    ]
