"""The broker that tests share."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Kafka:
    """A broker to talk to; each test names its own topics and groups."""

    bootstrap_servers: str
