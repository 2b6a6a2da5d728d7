from dispute_service.service import SERVICE
from redress.refusal import Refusal, refusals_under
from redress.web.problem import STATUS_OF_KIND

ALL = [refusal for feature in SERVICE.features for root in feature.refusals for refusal in refusals_under(root)]
REFUSALS = [refusal for refusal in ALL if refusal.__module__.startswith("dispute_service.")]  # policies have their own


def _leaves(refusal: type[Refusal]) -> list[type[Refusal]]:
    below = refusal.__subclasses__()
    return [leaf for each in below for leaf in _leaves(each)] if below else [refusal]


def test_every_refusal_has_a_status() -> None:
    leaves = {leaf for leaf in _leaves(Refusal) if leaf.__module__.startswith("dispute_service.")}
    assert leaves == set(REFUSALS)
    assert all(refusal.title and STATUS_OF_KIND[refusal.kind] for refusal in REFUSALS)


def test_no_two_refusals_share_a_code() -> None:
    codes = [refusal.code for refusal in REFUSALS]
    assert len(set(codes)) == len(codes)
