"""The answers of every operation in `/openapi.json`, from the Structs that are sent: no second, hand-kept model.

A route says what it answers with a decorator below its router's:

    @router.get("/v1/disputes", ...)
    @answers(Page[DisputeDocument])
    async def list_disputes(...): ...
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec
from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute, iter_route_contexts
from msgspec import Struct

from redress.refusal import Refusal, refusals_under
from redress.web.auth import Permission
from redress.web.problem import KERNEL_PROBLEMS, MEDIA_TYPE, STATUS_OF_KIND

JSON: Final = "application/json"
_REF: Final = "#/components/schemas/{name}"
_EVERY_ROUTE: Final = (
    "missing_token",
    "invalid_token",
    "insufficient_scope",
    "unavailable",
    "authentication_unavailable",
    "internal_error",
)
_EVERY_COMMAND: Final = (
    "malformed_json",
    "malformed_request",
    "unsupported_media_type",
    "too_much_at_once",
    "idempotency_key_required",
    "changed_meanwhile",
    "command_in_flight",
    "idempotency_key_reused",
    "body_too_large",
)

F = TypeVar("F", bound=Callable[..., Any])


class Answers(Struct, frozen=True, kw_only=True):
    """`by_status` maps each status of success to the type that is sent, None where there is no body. `takes` is the
    type of a body that is not a pydantic model, or a tuple of types one of which it is. `problems` are codes with
    status and title."""

    by_status: Mapping[int, Any]
    problems: Mapping[str, tuple[int, str]]
    takes: Any = None
    media_type: str = JSON


class Example(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One request to an operation and its answer, as a test sent and received them."""

    path: str
    request: Any = None
    status: int
    response: Any


def read_examples(folder: Path) -> dict[str, Example]:
    """The examples of a folder by operation: a file `<operationId>.json` each."""
    decoder = msgspec.json.Decoder(Example)
    return {file.stem: decoder.decode(file.read_bytes()) for file in sorted(folder.glob("*.json"))}


def answers(
    body: Any,  # noqa: ANN401 - any type that msgspec can describe
    *,
    status: int = 200,
    also: Mapping[int, Any] | None = None,
    problems: Sequence[type[Refusal] | str] = (),
    takes: Any = None,  # noqa: ANN401
    media_type: str = JSON,
) -> Callable[[F], F]:
    """Say what a route answers: `body` with `status`, `also` other successes. `problems` are trees of refusals and
    codes of the kernel's catalogue, besides those that every route and every command has."""

    def attach(endpoint: F) -> F:
        endpoint.__answers__ = Answers(  # type: ignore[attr-defined] # read again below
            by_status={status: body, **(also or {})},
            problems=problem_catalogue(problems),
            takes=takes,
            media_type=media_type,
        )
        return endpoint

    return attach


def problem_catalogue(problems: Iterable[type[Refusal] | str]) -> dict[str, tuple[int, str]]:
    """Code to status and title, of refusals (each tree whole) and of codes of the kernel's catalogue."""
    found: dict[str, tuple[int, str]] = {}
    for each in problems:
        if isinstance(each, str):
            found[each] = KERNEL_PROBLEMS[each]
        else:
            found |= {refusal.code: (STATUS_OF_KIND[refusal.kind], refusal.title) for refusal in refusals_under(each)}
    return found


def describe_answers(app: FastAPI, document: dict[str, Any], examples: Mapping[str, Example]) -> None:
    """Write the answers of every described route into the document, with its example where there is one."""
    described = [(path, method, route, found) for path, method, route, found in _described(app)]
    types = [
        each for *_, found in described for each in (*found.by_status.values(), *_taken(found)) if each is not None
    ]
    unique = list({_key(each): each for each in types}.values())
    made = msgspec.json.schema_components(unique, ref_template=_REF)
    schemas, components = msgspec.json.decode(msgspec.json.encode(made))  # defaults are Python values: tuples, dates
    by_key = {_key(each): schema for each, schema in zip(unique, schemas, strict=True)}
    known = document.setdefault("components", {}).setdefault("schemas", {})
    for name, schema in components.items():
        if known.setdefault(name, schema) != schema:
            raise ValueError(f"two schemas have the name {name}: rename one of the classes")
    for path, method, route, found in described:
        operation = document["paths"].get(path, {}).get(method.lower())
        if operation is not None:
            _describe(operation, route, found, by_key)
            if (example := examples.get(operation["operationId"])) is not None:
                _exemplify(operation, example)


def undescribed_operations(app: FastAPI) -> list[str]:
    """Operations of the document that no `answers` describes: there should be none."""
    described = {(path, method.lower()) for path, method, _, _ in _described(app)}
    return [
        f"{method.upper()} {path}"
        for path, operations in app.openapi()["paths"].items()
        for method in operations
        if (path, method) not in described
    ]


def _described(app: FastAPI) -> Iterable[tuple[str, str, APIRoute, Answers]]:
    for context in iter_route_contexts(app.routes):
        route = context.original_route
        found = getattr(getattr(route, "endpoint", None), "__answers__", None)
        if isinstance(route, APIRoute) and isinstance(found, Answers) and context.path is not None:
            for method in context.methods or ():
                yield context.path, method, route, found


def _describe(operation: dict[str, Any], route: APIRoute, found: Answers, by_key: Mapping[str, Any]) -> None:
    responses: dict[str, Any] = {}
    for status, body in found.by_status.items():
        answer: dict[str, Any] = {"description": HTTPStatus(status).phrase}
        if body is not None:
            answer["content"] = {found.media_type: {"schema": by_key[_key(body)]}}
        responses[str(status)] = answer
    responses |= _problem_responses({**_common_problems(route), **found.problems})
    operation["responses"] = responses
    if found.takes is not None:
        taken = [by_key[_key(each)] for each in _taken(found)]
        schema = taken[0] if len(taken) == 1 else {"anyOf": taken}
        operation["requestBody"] = {"required": True, "content": {JSON: {"schema": schema}}}


def _taken(found: Answers) -> tuple[Any, ...]:
    """The types a body can have: msgspec has no union of an open object and tagged ones."""
    if found.takes is None:
        return ()
    return found.takes if isinstance(found.takes, tuple) else (found.takes,)


def _exemplify(operation: dict[str, Any], example: Example) -> None:
    (answer,) = operation["responses"][str(example.status)]["content"].values()
    answer["example"] = example.response
    if example.request is not None:
        operation["requestBody"]["content"][JSON]["example"] = example.request


def _problem_responses(problems: Mapping[str, tuple[int, str]]) -> dict[str, Any]:
    by_status: dict[int, list[str]] = defaultdict(list)
    for code, (status, _) in problems.items():
        by_status[status].append(code)
    return {
        str(status): {
            "description": "; ".join(f"`{code}` {problems[code][1]}" for code in sorted(codes)),
            "content": {MEDIA_TYPE: {"schema": {"$ref": _REF.format(name="Problem")}}},
            "x-problem-codes": sorted(codes),
        }
        for status, codes in sorted(by_status.items())
    }


def _common_problems(route: APIRoute) -> dict[str, tuple[int, str]]:
    """The answers that a route's dependencies and parameters bring."""
    calls = list(_calls(route.dependant))
    codes: set[str] = set()
    if any(isinstance(call, Permission) for call in calls):
        codes.update(_EVERY_ROUTE)
    for call in calls:
        version = getattr(call, "version", None)
        if version is None:
            continue
        codes.update(_EVERY_COMMAND)
        if version != "unused":
            codes.update(("invalid_if_match", "stale_version"))
        if version == "required":
            codes.add("if_match_required")
    dependant = route.dependant
    if route.body_field is not None or dependant.query_params or dependant.path_params or dependant.dependencies:
        codes.add("invalid_request")
    if dependant.path_params:
        codes.add("not_found")
    if any(parameter.name == "cursor" for parameter in dependant.query_params):
        codes.add("invalid_cursor")
    return {code: KERNEL_PROBLEMS[code] for code in codes}


def _calls(dependant: Dependant) -> Iterable[object]:
    for inner in dependant.dependencies:
        yield inner.call
        yield from _calls(inner)


def _key(body: Any) -> str:  # noqa: ANN401
    return f"{getattr(body, '__module__', '')}.{body!r}"
