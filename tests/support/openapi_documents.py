"""The OpenAPI documents of the three services, as their code makes them."""

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from msgspec import Struct

from collections_service.service import SERVICE as COLLECTIONS
from dispute_service.service import SERVICE as DISPUTE
from notification_service.service import SERVICE as NOTIFICATION
from redress.service.composition import openapi_document
from redress.service.feature import Service

Json = dict[str, Any]

SERVICES: dict[str, Service[Any]] = {service.name: service for service in (DISPUTE, COLLECTIONS, NOTIFICATION)}
FOLDER = Path(__file__).parents[2] / "shared/docs/openapi"


class Operation(Struct, frozen=True):
    """One operation of a document."""

    service: str
    method: str
    path: str
    spec: Json

    @property
    def id(self) -> str:
        return str(self.spec["operationId"])

    @property
    def successes(self) -> dict[int, Json]:
        return {int(status): answer for status, answer in self.spec["responses"].items() if status < "400"}

    @property
    def refusals(self) -> dict[int, Json]:
        return {int(status): answer for status, answer in self.spec["responses"].items() if status >= "400"}

    def __str__(self) -> str:
        return f"{self.service}.{self.id}"


@cache
def document(service: str) -> Json:
    loaded: Json = json.loads(json.dumps(openapi_document(SERVICES[service])))
    return loaded


def operations(service: str) -> Iterator[Operation]:
    for path, methods in document(service)["paths"].items():
        for method, spec in methods.items():
            yield Operation(service, method, path, spec)


EVERY_OPERATION = [operation for service in SERVICES for operation in operations(service)]


def places(schema: object, at: str = "") -> Iterator[tuple[str, Json]]:
    """Every object inside a piece of a document, with its JSON pointer."""
    if isinstance(schema, dict):
        yield at, schema
        for name, inner in schema.items():
            yield from places(inner, f"{at}/{name}")
    elif isinstance(schema, list):
        for index, inner in enumerate(schema):
            yield from places(inner, f"{at}/{index}")


def reachable(piece: object, of: Json) -> dict[str, Json]:
    """The components that a piece of a document refers to, and those that these refer to. KeyError for a dangling
    reference."""
    found: dict[str, Json] = {}
    waiting = [piece]
    while waiting:
        for _, each in places(waiting.pop()):
            name = str(each.get("$ref", "")).removeprefix("#/components/schemas/")
            if name and name not in found:
                found[name] = of["components"]["schemas"][name]
                waiting.append(found[name])
    return found
