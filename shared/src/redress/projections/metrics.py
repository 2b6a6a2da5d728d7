"""The metrics of a process's consumers."""

from prometheus_client import CollectorRegistry, Counter, Gauge


class ConsumerMetrics:
    """One instance per registry; every runner of the process shares it."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.applied = Counter("redress_consumer_events_applied", "Events applied", ["consumer"], registry=registry)
        self.position = Gauge(
            "redress_consumer_position", "Highest position applied on any shard", ["consumer"], registry=registry
        )
        self.lag = Gauge(
            "redress_consumer_lag_events",
            "Events the source is known to hold beyond it",
            ["consumer"],
            registry=registry,
        )
        self.parked = Gauge(
            "redress_consumer_parked_events",
            "Events put aside; above 0 somebody must look",
            ["consumer"],
            registry=registry,
        )
        self.halted = Gauge(
            "redress_consumer_halted", "1 if the consumer refuses to go on", ["consumer"], registry=registry
        )
        self.gaps = Counter(
            "redress_consumer_gaps_repaired", "Holes in a topic filled from the feed", ["consumer"], registry=registry
        )
