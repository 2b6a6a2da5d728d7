"""Every shape that was ever stored can be read for ever: one golden file per stored name and version.

Set WRITE_GOLDEN=1 to write the files of shapes that have none yet.
"""

import os
from pathlib import Path
from typing import Any

import pytest
from support.stored_disputes import EARLIER, EXAMPLES, STORED

from redress.codec import Codec

FILES = [(codec, file) for folder, codec in STORED.items() for file in sorted(folder.glob("*.json"))]


@pytest.mark.parametrize(("codec", "file"), FILES, ids=[file.stem for _, file in FILES])
def test_a_stored_shape_is_still_read(codec: Codec[Any], file: Path) -> None:
    name, _, version = file.stem.rpartition(".v")
    event = codec.decode(name, int(version), file.read_bytes())
    assert event == EARLIER.get((name, int(version)), EXAMPLES[name])


def test_every_event_has_a_golden_file_of_its_current_shape() -> None:
    for folder, codec in STORED.items():
        wanted = set()
        for name in codec.names:
            stored_name, version, payload = codec.encode(EXAMPLES[name])
            file = folder / f"{stored_name}.v{version}.json"
            wanted.add(file.name)
            if os.environ.get("WRITE_GOLDEN") and not file.exists():
                folder.mkdir(exist_ok=True)
                file.write_bytes(payload)
            assert file.read_bytes() == payload, "a new shape is a new version"
        assert wanted <= {file.name for file in folder.glob("*.json")}
