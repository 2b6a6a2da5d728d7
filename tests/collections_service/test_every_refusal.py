"""Every refusal of the ledger can be told apart by a program and read by a person."""

from collections_service.legal_entities.refusals import LegalEntityRefusal
from collections_service.open_items.refusals import OpenItemRefusal
from collections_service.receipts.refusals import ReceiptRefusal
from redress.refusal import refusals_under
from redress.web.problem import STATUS_OF_KIND

REFUSALS = [
    *refusals_under(OpenItemRefusal),
    *refusals_under(ReceiptRefusal),
    *refusals_under(LegalEntityRefusal),
]


def test_each_has_a_code_of_its_own_a_title_and_a_status() -> None:
    assert len({refusal.code for refusal in REFUSALS}) == len(REFUSALS) == 29
    for refusal in REFUSALS:
        assert refusal.title
        assert refusal.kind in STATUS_OF_KIND
