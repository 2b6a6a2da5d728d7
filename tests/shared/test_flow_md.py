"""flow.md names files that exist."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FLOW = (ROOT / "shared" / "docs" / "flow.md").read_text("utf-8")
PLACES = [
    ROOT / "shared" / "src",
    *(
        ROOT / "services" / f"{name}-service" / "src" / f"{name}_service"
        for name in ("dispute", "collections", "notification")
    ),
    ROOT,
]


@pytest.mark.parametrize("path", sorted(set(re.findall(r"`([\w./-]+\.(?:py|sql|md))`", FLOW))))
def test_every_file_the_story_names_exists(path: str) -> None:
    named = [place / path for place in PLACES] + [PLACES[0] / "redress" / "eventlog" / path]
    assert any(file.exists() for file in named), path
