from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redress.ids import derived_uuid, new_uuid, parse_public_id, public_id


@pytest.mark.parametrize(
    ("uuid", "text"),
    [
        (UUID(int=0), "dsp_00000000000000000000000000"),
        (UUID(int=1), "dsp_00000000000000000000000001"),
        (UUID(int=32), "dsp_00000000000000000000000010"),
        (UUID(int=2**128 - 1), "dsp_7zzzzzzzzzzzzzzzzzzzzzzzzz"),
        # The example of the TypeID specification.
        (UUID("01890a5d-ac96-774b-bcce-b302099a8057"), "dsp_01h455vb4pex5vsknk084sn02q"),
    ],
)
def test_an_id_is_its_prefix_and_26_characters(uuid: UUID, text: str) -> None:
    assert public_id("dsp", uuid) == text
    assert parse_public_id("dsp", text) == uuid


@pytest.mark.parametrize(
    "text",
    [
        "inv_01h455vb4pex5vsknk084sn02q",  # another kind of thing
        "dsp01h455vb4pex5vsknk084sn02q",
        "dsp_01h455vb4pex5vsknk084sn02",  # a character short
        "dsp_01h455vb4pex5vsknk084sn02qq",
        "dsp_81h455vb4pex5vsknk084sn02q",  # more than 128 bits
        "dsp_01h455vb4pex5vsknk084sn02u",  # not a character of the alphabet
        "dsp_01H455VB4PEX5VSKNK084SN02Q",
        "",
        "dsp_",
    ],
)
def test_anything_else_is_not_an_id(text: str) -> None:
    with pytest.raises(ValueError, match=r"expected dsp_|not a character"):
        parse_public_id("dsp", text)


def test_the_same_parts_always_give_the_same_id() -> None:
    # Computed apart from the code: SHA-1 of the namespace's bytes and "invoice\x1fdemo\x1f4711", cut and marked as v5.
    assert derived_uuid("invoice", "demo", "4711") == UUID("7246e9cb-aa14-50b4-94ca-563ff0f2518b")
    assert derived_uuid("invoice", "a", "bc") != derived_uuid("invoice", "ab", "c")


def test_new_ids_sort_by_creation() -> None:
    ids = [new_uuid() for _ in range(1_000)]
    assert ids == sorted(ids)
    assert {uuid.version for uuid in ids} == {7}
    assert len({public_id("evt", uuid) for uuid in ids}) == 1_000


@given(st.uuids())
def test_written_and_read_again_it_is_the_same_id(uuid: UUID) -> None:
    assert parse_public_id("evt", public_id("evt", uuid)) == uuid
