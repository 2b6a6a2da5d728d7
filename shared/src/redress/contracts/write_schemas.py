"""`python -m redress.contracts.write_schemas`: write the schema files anew after a deliberate change of a contract."""

import json
from pathlib import Path

from redress.contracts.catalogue import catalogue, json_schema


def main() -> None:
    folder = Path(__file__).parent / "schemas"
    for old in folder.glob("*.json"):
        old.unlink()
    for contract in catalogue():
        text = json.dumps(json_schema(contract), indent=2, ensure_ascii=False)
        (folder / f"{contract.name}.v1.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
