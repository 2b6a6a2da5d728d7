"""What an event of dispute-service says about the invoices it names."""

import pytest
from support.collections_office import dispute_event

from collections_service.dispute_holds.reports import reports


@pytest.mark.parametrize(
    ("event_type", "more", "given_up"),
    [
        ("dispute-withdrawn", {"reason": "found the delivery note"}, True),
        ("dispute-resolved", {"resolution_code": "VOID_LOGGED_IN_ERROR"}, True),
        ("dispute-resolved", {"resolution_code": "REJECTED_COLLECT"}, False),
        ("dispute-resolved", {"resolution_code": "PAYMENT_RETURNED"}, False),
        ("dispute-amount-reduced", {"cause": "payment"}, False),
        ("dispute-opened", {}, False),
    ],
)
def test_only_what_nobody_contests_and_nobody_decided_is_given_up(
    event_type: str, more: dict[str, str], given_up: bool
) -> None:
    (report,) = reports(dispute_event(event_type, version=2, open={"INV-1": 0}, **more)).values()  # type: ignore[arg-type]

    assert report.given_up is given_up
