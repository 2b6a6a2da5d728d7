import pytest

from collections_service.ageing.buckets import AGEING_BUCKETS, AgeingBuckets
from redress.policy.decisions import read_document
from redress.policy.refusals import PolicyNotAcceptable


@pytest.mark.parametrize(
    ("bounds", "names"),
    [
        ((0, 30, 60, 90), ("current", "1-30", "31-60", "61-90", "91+")),
        ((0,), ("current", "1+")),
        ((0, 7, 8, 365), ("current", "1-7", "8-8", "9-365", "366+")),
    ],
)
def test_buckets_are_named_by_their_days(bounds: tuple[int, ...], names: tuple[str, ...]) -> None:
    assert AgeingBuckets(bounds=bounds).names == names


@pytest.mark.parametrize(
    ("bounds", "places"),
    [
        ([], [("bounds",)]),
        (list(range(13)), [("bounds",)]),
        ([0, 30, 30, 20], [("bounds", 2), ("bounds", 3)]),
        ([5, 30], [("bounds", 0)]),
        ([-3, -3], [("bounds", 0), ("bounds", 1)]),
        ([0, 4_000], [("bounds", 1)]),
        ([0, "x"], [("bounds", 1)]),
    ],
)
def test_buckets_that_do_not_rise_are_refused_at_their_places(
    bounds: list[object], places: list[tuple[str | int, ...]]
) -> None:
    with pytest.raises(PolicyNotAcceptable) as refused:
        read_document(AGEING_BUCKETS, {"bounds": bounds})
    assert [where for where, _, _ in refused.value.places] == [("document", *place) for place in places]
