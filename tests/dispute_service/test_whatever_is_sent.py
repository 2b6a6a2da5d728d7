"""Whatever is sent, it is taken or refused with the place that is wrong; nothing makes the service fail."""

import copy
from collections.abc import Iterator
from typing import Any

import pytest
from support.dispute_api import Company, Office, opening

from dispute_service.service import SERVICE
from redress.service.composition import openapi_document

Path = tuple[str | int, ...]
NONSENSE: list[object] = [
    None,
    True,
    -1,
    10**30,
    "",
    "x" * 20_000,
    "a\u0000b",
    "\u202e\U0001f4a5",
    [],
    {"a": 1},
    "0001-01-01T00:00:00Z",
    "9999-12-31T23:59:59Z",
    "1e5",
    "XAU",
    "999999999999999999",
]
FULL = opening(
    {"invoice_id": "INV-1", "line": "1", "amount": {"amount": "200.00", "currency": "EUR"}},
    description="d",
    external_reason="e",
    contact={"name": "n", "email": "e@x.example", "language": "de"},
    effective_at="2026-03-04T11:00:00Z",
)
LIST = openapi_document(SERVICE)["paths"]["/v1/disputes"]["get"]
PARAMETERS = [each["name"] for each in LIST["parameters"] if each["in"] == "query" and each["name"] != "cursor"]


def _places(value: object, path: Path = ()) -> Iterator[Path]:
    yield path
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, part in parts:
        yield from _places(part, (*path, name))


def _with(path: Path, nonsense: object) -> object:
    if not path:
        return nonsense
    body = copy.deepcopy(FULL)
    here: Any = body
    for name in path[:-1]:
        here = here[name]
    here[path[-1]] = nonsense
    return body


@pytest.mark.parametrize("path", list(_places(FULL)), ids=lambda path: "/".join(map(str, path)) or "whole")
async def test_a_strange_field_is_taken_or_named(office: Office, path: Path) -> None:
    for nonsense in NONSENSE:
        company = office.company()
        answer = await company.post("/v1/disputes", _with(path, nonsense))
        assert answer.status_code in {201, 422}, (nonsense, answer.text)
        if answer.status_code == 422:
            assert all(error["pointer"].startswith("#") for error in answer.json()["errors"]), answer.text


@pytest.mark.parametrize("name", PARAMETERS)
async def test_a_strange_filter_is_taken_or_named(company: Company, name: str) -> None:
    for nonsense in NONSENSE:
        if isinstance(nonsense, str | int):
            answer = await company.get("/v1/disputes", **{name: str(nonsense)})
            assert answer.status_code in {200, 422}, (nonsense, answer.text)
            if answer.status_code == 422:
                assert answer.json()["errors"][0]["parameter"].startswith(name), answer.text
