"""The documents that clients are generated from: complete, valid, and the same in the code and in the files."""

import json
import re
from collections import Counter

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator
from support.openapi_documents import (
    EVERY_OPERATION,
    FOLDER,
    SERVICES,
    Operation,
    document,
    operations,
    places,
    reachable,
)
from typer.testing import CliRunner

from redress.service.composition import unopened_app
from redress.service.program import service_program
from redress.web.openapi import problem_catalogue, undescribed_operations
from redress.web.problem import KERNEL_PROBLEMS, MEDIA_TYPE

BOUNDS = {"maxLength", "pattern", "format", "enum", "const"}

every_service = pytest.mark.parametrize("service", SERVICES)
every_operation = pytest.mark.parametrize("operation", EVERY_OPERATION, ids=str)


@every_service
def test_the_file_is_what_the_code_says(service: str) -> None:
    written = json.loads((FOLDER / f"{service}.json").read_text("utf-8"))
    assert written == document(service), "run `make openapi` and look at the difference: clients are made of this file"


def test_no_file_is_left_over() -> None:
    assert {path.stem for path in FOLDER.glob("*.json")} == set(SERVICES)


@every_service
def test_the_program_prints_the_document_without_settings(service: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ISSUER", "JWKS_URL", "VAULT_KEY", "CURSOR_KEY"):
        monkeypatch.delenv(name, raising=False)
    printed = CliRunner().invoke(service_program(SERVICES[service]), ["openapi"])
    assert printed.exit_code == 0, printed.output
    assert json.loads(printed.stdout) == document(service)


@every_service
def test_it_is_valid_openapi(service: str) -> None:
    assert document(service)["openapi"].startswith("3.1.")
    OpenAPIV31SpecValidator(document(service)).validate()


@every_service
def test_every_operation_says_what_it_answers(service: str) -> None:
    assert undescribed_operations(unopened_app(SERVICES[service])) == []


@every_service
def test_operations_have_names_of_their_own(service: str) -> None:
    counted = Counter(operation.id for operation in operations(service))
    assert {name for name, count in counted.items() if count > 1} == set()
    assert {name for name in counted if not re.fullmatch(r"[a-z][a-z_]*", name)} == set()


def test_the_erps_door_is_described() -> None:
    (door,) = [operation for operation in operations("collections-service") if operation.path == "/v1/erp/events"]
    taken = reachable(door.spec["requestBody"], document("collections-service"))
    assert {"InvoicePosted", "InvoiceCorrected", "CreditMemoPosted", "PaymentReceived", "PaymentReversed"} <= set(taken)


@every_operation
def test_every_reference_leads_somewhere(operation: Operation) -> None:
    reachable(operation.spec, document(operation.service))


@every_service
def test_no_schema_is_left_over(service: str) -> None:
    assert set(document(service)["components"]["schemas"]) == set(
        reachable(document(service)["paths"], document(service))
    )


@every_operation
def test_what_is_sent_is_bounded(operation: Operation) -> None:
    pieces = {parameter["name"]: parameter["schema"] for parameter in operation.spec.get("parameters", [])}
    pieces |= reachable(operation.spec.get("requestBody"), document(operation.service))
    strings = {
        f"{name}{at}": schema
        for name, piece in pieces.items()
        for at, schema in places(piece)
        if schema.get("type") == "string"
    }
    assert {at for at, schema in strings.items() if not BOUNDS & schema.keys()} == set()


@every_operation
def test_every_answer_has_a_schema_or_no_body(operation: Operation) -> None:
    for status, answer in operation.successes.items():
        schemas = [content["schema"] for content in answer.get("content", {}).values()]
        assert all(schemas), f"{status} has an empty schema"
        assert schemas or status == 304, f"{status} has no body"


@every_operation
def test_every_refusal_lists_its_codes_and_the_catalogue_explains_them(operation: Operation) -> None:
    features = SERVICES[operation.service].features
    catalogue = {**KERNEL_PROBLEMS, **problem_catalogue([each for feature in features for each in feature.refusals])}
    for status, answer in operation.refusals.items():
        assert answer["content"] == {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
        assert answer["x-problem-codes"], status
        for code in answer["x-problem-codes"]:
            assert catalogue[code][0] == status


@every_service
def test_every_field_has_a_type_or_says_that_it_takes_any(service: str) -> None:
    typed = {"type", "$ref", "anyOf", "oneOf", "allOf", "enum", "const"}
    untyped = {
        f"{name}/{field}"
        for name, schema in document(service)["components"]["schemas"].items()
        for field, one in schema.get("properties", {}).items()
        if not typed & one.keys() and one.get("description") != "Any JSON value."
    }
    assert untyped == set()
