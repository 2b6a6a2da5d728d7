from dispute_service.api.refusals import STATUS
from dispute_service.refusal import Refusal


def _leaves(refusal: type[Refusal]) -> list[type[Refusal]]:
    below = refusal.__subclasses__()
    return [leaf for each in below for leaf in _leaves(each)] if below else [refusal]


def test_every_refusal_has_a_status() -> None:
    assert set(_leaves(Refusal)) == set(STATUS)


def test_no_two_refusals_share_a_code() -> None:
    codes = [refusal.code for refusal in STATUS]
    assert len(set(codes)) == len(codes)
