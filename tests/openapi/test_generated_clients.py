"""A client can be generated from each document, and it knows every operation and what each one answers."""

import inspect
import typing
from types import ModuleType, UnionType
from typing import Any

import httpx
import pytest
from support.generated_clients import Clients
from support.openapi_documents import SERVICES, Operation, document, operations

every_service = pytest.mark.parametrize("service", SERVICES)


@every_service
def test_the_generator_has_nothing_to_say(clients: Clients, service: str) -> None:
    assert clients.log[service].strip().splitlines() == [f"Generating {clients.folder / _package(service)}"]


@every_service
def test_no_operation_is_left_out(clients: Clients, service: str) -> None:
    assert set(clients.operations(service)) == {operation.id for operation in operations(service)}


@every_service
def test_no_schema_is_left_out(clients: Clients, service: str) -> None:
    models = {name.lower() for name in clients.module(service, "models").__all__}
    objects = {
        name
        for name, schema in document(service)["components"]["schemas"].items()
        if "properties" in schema  # the others are texts of a list, or unions of these
    }
    assert {name for name in objects if name.replace("_", "").lower() not in models} == set()


@every_service
def test_every_success_is_typed(clients: Clients, service: str) -> None:
    made = clients.operations(service)
    untyped = [
        f"{operation}: {status}"
        for operation in operations(service)
        for status, answer in operation.successes.items()
        if answer.get("content") and not _is_typed(made[operation.id], operation, status)
    ]
    assert untyped == []


@every_service
def test_every_refusal_is_a_problem(clients: Clients, service: str) -> None:
    problem = {
        "type": "/docs/problems#not_found",
        "title": "there is no such thing",
        "status": 404,
        "code": "not_found",
        "errors": [{"detail": "is not listed", "parameter": "status", "in": "query", "allowed": ["open", "closed"]}],
        "current_version": 7,
    }
    made = clients.operations(service)
    for operation in operations(service):
        for status in operation.refusals:
            parsed = _parsed(clients, service, made[operation.id], httpx.Response(status, json=problem))
            assert type(parsed).__name__ == "Problem", f"{operation}: {status}"
            assert (parsed.code, parsed.errors[0].allowed) == ("not_found", ["open", "closed"])
            assert parsed["current_version"] == 7


def _parsed(clients: Clients, service: str, module: ModuleType, answer: httpx.Response) -> Any:  # noqa: ANN401
    client = clients.module(service, "client").Client(base_url="http://x", raise_on_unexpected_status=True)
    return module._parse_response(client=client, response=answer)


def _is_typed(module: ModuleType, operation: Operation, status: int) -> bool:
    """Whether the generated code reads an answer of this status into something that a type checker knows."""
    says = typing.get_type_hints(module._parse_response)["return"]
    kinds = [*typing.get_args(says)] if isinstance(says, UnionType) else [says]
    is_known = all(kind is not Any for kind in kinds) or 304 in operation.successes  # 304 has no body to be typed
    source = inspect.getsource(module._parse_response)
    branch = source.partition(f"status_code == {status}:")[2].partition("if response.status_code")[0]
    return is_known and bool(branch) and "cast(Any" not in branch and len(set(kinds) - {type(None)}) >= 1


def _package(service: str) -> str:
    return f"{service.removesuffix('-service')}_client"
