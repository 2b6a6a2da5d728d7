"""Every published event type with its topic, its class and its JSON Schema."""

from typing import Any, get_args

import msgspec
from msgspec import Struct

from redress.contracts import collections_events, dispute_events, notification_events

SCHEMA_VERSION = 1


class Contract(Struct, frozen=True):
    """One published event type."""

    name: str
    topic: str
    source: str
    cls: type[Struct]

    @property
    def dataschema(self) -> str:
        """The value of the CloudEvent's `dataschema`."""
        return dataschema(self.name)


def dataschema(event_type: str) -> str:
    return f"urn:redress:{event_type}:v{SCHEMA_VERSION}"


def catalogue() -> list[Contract]:
    """All contracts, in the order in which the services' files list them."""
    return [
        Contract(str(cls.__struct_config__.tag), module.TOPIC, module.SOURCE, cls)
        for module, union in (
            (dispute_events, dispute_events.DisputeEvent),
            (collections_events, collections_events.CollectionsEvent),
            (notification_events, notification_events.NotificationEvent),
        )
        for cls in get_args(union)
    ]


def json_schema(contract: Contract) -> dict[str, Any]:
    """The JSON Schema of an event's `data`. Consumers must ignore fields they do not know."""
    (schema,), components = msgspec.json.schema_components([contract.cls], ref_template="#/$defs/{name}")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": contract.dataschema,
        **schema,
        "$defs": components,
    }
