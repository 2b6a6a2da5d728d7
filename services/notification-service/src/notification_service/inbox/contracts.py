"""What comes in: the published events of dispute-service, decoded. An unknown type is not an error: it is newer."""

from collections.abc import Sequence

import msgspec

from notification_service.notices.plan import ReceivedEvent
from redress.contracts.dispute_events import DisputeEvent
from redress.contracts.envelope import Published

_decoder: msgspec.json.Decoder[DisputeEvent] = msgspec.json.Decoder(DisputeEvent)
_KNOWN = frozenset(str(cls.__struct_config__.tag) for cls in DisputeEvent.__args__)


def received_event(event: Published) -> ReceivedEvent | None:
    """The event; None for a type that this release does not know. msgspec.ValidationError for data that breaks the
    contract of a known type."""
    if event.type not in _KNOWN:
        return None
    return ReceivedEvent(
        event_id=event.id,
        type=event.type,
        version=event.version,
        effective_at=event.effective_at,
        recorded_at=event.time,
        event=_decoder.decode(event.data),
    )


def received_events(events: Sequence[Published]) -> list[tuple[Published, ReceivedEvent]]:
    """The events this release knows, each with its decoded form."""
    return [(event, known) for event in events if (known := received_event(event)) is not None]
