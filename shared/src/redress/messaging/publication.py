"""From what a service stores to what it publishes."""

from collections.abc import Sequence
from typing import Protocol

from redress.contracts.envelope import PublishedEvent
from redress.eventlog.events import RecordedEvent


class Publication(Protocol):
    """The public face of a service's log. Relay and feed both use it, so that both transports say the same."""

    async def publish(self, events: Sequence[RecordedEvent]) -> list[PublishedEvent]:
        """The published events of these stored ones, in order; at most one each, none for what stays internal.

        The same stored event always gives the same published one, byte for byte: a feed and a topic may both be read.
        """
        ...
