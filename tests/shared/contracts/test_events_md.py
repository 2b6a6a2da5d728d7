"""events.md says what the contracts say: every type, every field beside the summary, and nothing else."""

import re
from pathlib import Path

import msgspec

from redress.contracts.catalogue import catalogue

EVENTS_MD = Path(__file__).parents[3] / "shared" / "docs" / "events.md"
ROW = re.compile(r"^\| `([a-z-]+)` \| [^|]+ \| ([^|]*)\|$", re.MULTILINE)


def documented() -> dict[tuple[str, str], set[str]]:
    """(topic, type) to the fields named in the table's last column."""
    rows: dict[tuple[str, str], set[str]] = {}
    for section in EVENTS_MD.read_text("utf-8").split("\n## ")[1:]:
        topic = section.partition("`")[2].partition("`")[0]
        for event_type, fields in ROW.findall(section):
            rows[topic, event_type] = set(re.findall(r"`([a-z_]+)`", fields))
    return rows


def _is_summary(field_type: object) -> bool:
    """The subject after the event, which the text above each table describes once."""
    return isinstance(field_type, type) and field_type.__name__.endswith("Summary")


def test_every_published_event_is_documented_with_its_fields_and_no_other() -> None:
    contracts = {
        (contract.topic, contract.name): {
            field.name for field in msgspec.structs.fields(contract.cls) if not _is_summary(field.type)
        }
        for contract in catalogue()
    }
    assert documented() == contracts
