"""Published events of other services, decoded. A type that this release does not know is no error: it is newer."""

from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar, get_args

import msgspec

from notification_service.notices.notice import Subject
from notification_service.notices.plan import ReceivedEvent
from redress.contracts.envelope import PublishedEvent

E = TypeVar("E")


class EventSource(Generic[E]):
    """A service whose events are received: the union of them, and the subject and the legal entity of each."""

    def __init__(
        self,
        service: str,
        events: Any,  # noqa: ANN401 - a union is no type[E]
        subject: Callable[[E], Subject],
        legal_entity: Callable[[E], str | None] = lambda _: None,
    ) -> None:
        self.service = service
        self._decoder: msgspec.json.Decoder[E] = msgspec.json.Decoder(events)
        self._types = frozenset(str(cls.__struct_config__.tag) for cls in get_args(events))
        self._subject = subject
        self._legal_entity = legal_entity

    def received(self, event: PublishedEvent) -> ReceivedEvent[E] | None:
        """The event; None for a type that this release does not know. msgspec.ValidationError for data that breaks the
        contract of a known type."""
        if event.type not in self._types:
            return None
        decoded = self._decoder.decode(event.data)
        return ReceivedEvent(
            source=self.service,
            event_id=event.id,
            type=event.type,
            version=event.version,
            effective_at=event.effective_at,
            recorded_at=event.time,
            subject=self._subject(decoded),
            event=decoded,
            legal_entity=self._legal_entity(decoded),
        )

    def all_received(self, events: Sequence[PublishedEvent]) -> list[tuple[PublishedEvent, ReceivedEvent[E]]]:
        """The events this release knows, each with its decoded form."""
        return [(event, known) for event in events if (known := self.received(event)) is not None]
