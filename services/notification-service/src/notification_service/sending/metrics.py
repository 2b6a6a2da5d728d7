"""The sender's metrics."""

from prometheus_client import CollectorRegistry, Counter, Gauge


class SendingMetrics:
    """One instance per registry."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.attempts = Counter(
            "redress_notification_attempts",
            "Attempts by what they ended as and why",
            ["status", "reason"],
            registry=registry,
        )
        self.in_hand = Gauge("redress_notification_in_hand", "Mails being sent right now", registry=registry)
