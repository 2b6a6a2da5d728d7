"""Every shape that was ever stored can be read for ever: one golden file per stored name and version."""

import pytest
from support.stored_disputes import CODECS, EXAMPLES, FOLDER, codec_of

STORED = sorted(FOLDER.glob("*.json"))


@pytest.mark.parametrize("file", STORED, ids=lambda file: file.stem)
def test_a_stored_shape_is_still_read(file) -> None:
    name, _, version = file.stem.rpartition(".v")
    event = codec_of(name).decode(name, int(version), file.read_bytes())
    assert event == EXAMPLES[name]


def test_every_event_has_a_golden_file_of_its_current_shape() -> None:
    wanted = set()
    for codec in CODECS:
        for name in codec.names:
            stored_name, version, payload = codec.encode(EXAMPLES[name])
            wanted.add(f"{stored_name}.v{version}.json")
            assert (FOLDER / f"{stored_name}.v{version}.json").read_bytes() == payload, "a new shape is a new version"
    assert wanted <= {file.name for file in STORED}
