"""Sends one request to each operation of a running service and keeps what went out and came back."""

import re
from collections.abc import Iterator
from typing import Any

import jsonschema
import msgspec
from support.openapi_documents import Json, Operation, document, operations
from support.running_service import RunningService

from redress.ids import new_uuid
from redress.web.openapi import Example

TENANT = "demo"
FIRST_LINES = 3  # of a text: metrics are long

_VOLATILE = re.compile(
    r"""[a-z]{3}_[0-9a-hjkmnp-tv-z]{26}                                   # public ids
      | [0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}                         # UUIDs
      | \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|\+00:00)                 # instants
      | 00-[0-9a-f]{32}-[0-9a-f]{16}-0\d                                  # traces
      | \d+\.\d+e\+\d+                                                  # measurements
      | \b[0-9a-f]{64}\b                                                  # hashes
    """,
    re.VERBOSE,
)
_SEALED_OR_COUNTED = {"ciphertext", "box", "nonce", "next_cursor", "seq", "prev", "epoch", "causationid", "person"}


class Storyteller:
    """Calls the operations of a service by their names."""

    def __init__(self, running: RunningService) -> None:
        self.running = running
        self.service = running.service.name
        self.told: dict[str, Example] = {}
        self._operations = {operation.id: operation for operation in operations(self.service)}

    async def tell(
        self, name: str, body: object = None, /, *, role: str, version: int | None = None, **parameters: object
    ) -> Any:  # noqa: ANN401 - JSON
        """The answer of the operation; the first one of each operation is its example. Parameters not in the path go
        into the query."""
        operation = self._operations[name]
        path = operation.path.format_map(parameters)
        query = {key: str(value) for key, value in parameters.items() if f"{{{key}}}" not in operation.path}
        headers = self.running.issuer.bearer(role, tenant=TENANT) | {"Idempotency-Key": str(new_uuid())}
        if version is not None:
            headers["If-Match"] = f'"{version}"'
        request = self.running.client.build_request(
            operation.method.upper(), path, params=query, json=body, headers=headers
        )
        answer = await self.running.client.send(request)
        assert answer.status_code in operation.successes, f"{operation}: {answer.status_code} {answer.text}"
        is_text = answer.headers["content-type"].startswith("text/plain")
        found = "\n".join(answer.text.splitlines()[:FIRST_LINES]) if is_text else answer.json()
        example = Example(path=request.url.raw_path.decode(), request=body, status=answer.status_code, response=found)
        self.told.setdefault(name, example)
        return found

    async def what_every_service_has(self) -> None:
        """Its health, and its events after the story."""
        await self.tell("livez", role="ops")
        await self.tell("readyz", role="ops")
        await self.tell("startupz", role="ops")
        await self.tell("read_metrics", role="ops")
        await self.running.catch_up()
        events = await self.tell("read_feed", role="auditor", lastEventId=0, limit=2)
        await self.tell("read_event", role="auditor", event_id=events[0]["id"])


def flaws(operation: Operation, example: Example) -> Iterator[str]:
    """Where an example is not as its operation says."""
    if example.request is not None:
        yield from _flaws(operation, operation.spec["requestBody"], example.request, "request")
    elif operation.spec.get("requestBody", {}).get("required"):
        yield "request: is wanted"
    yield from _flaws(operation, operation.successes[example.status], example.response, "response")


def _flaws(operation: Operation, place: Json, value: object, name: str) -> Iterator[str]:
    (content,) = place["content"].values()
    schema = {**content["schema"], "components": document(operation.service)["components"]}
    for error in jsonschema.Draft202012Validator(schema).iter_errors(msgspec.to_builtins(value)):
        yield f"{name}{error.json_path}: {error.message}"


def settled(value: Any, name: str = "") -> Any:  # noqa: ANN401 - JSON
    """The same without what is another one each time: ids, instants, sealed boxes, places in the log."""
    match value:
        case dict():
            return {key: settled(one, key) for key, one in value.items()}
        case list():
            return [settled(one) for one in value]
        case str() | int() if name in _SEALED_OR_COUNTED:
            return f"<{name}>"
        case str():
            return _VOLATILE.sub("<another each time>", value)
    return value
