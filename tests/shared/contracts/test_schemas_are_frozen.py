"""A published shape is a promise: the schema files change only together with a decision to change them.

`python -m redress.contracts.write_schemas` writes them anew. What may change without a new type: a field more, with a
default.
"""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

import redress.contracts
from redress.contracts.catalogue import Contract, catalogue, json_schema

SCHEMAS = Path(redress.contracts.__file__).parent / "schemas"
CONTRACTS = catalogue()


def stored(contract: Contract) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((SCHEMAS / f"{contract.name}.v1.json").read_text())
    return loaded


@pytest.mark.parametrize("contract", CONTRACTS, ids=lambda contract: contract.name)
def test_the_schema_file_is_the_contract(contract: Contract) -> None:
    assert stored(contract) == json.loads(json.dumps(json_schema(contract)))


@pytest.mark.parametrize("contract", CONTRACTS, ids=lambda contract: contract.name)
def test_the_schema_is_valid_json_schema(contract: Contract) -> None:
    jsonschema.Draft202012Validator.check_schema(stored(contract))


def test_no_schema_file_is_left_over() -> None:
    assert {path.name for path in SCHEMAS.glob("*.json")} == {f"{contract.name}.v1.json" for contract in CONTRACTS}
