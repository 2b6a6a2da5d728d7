"""What an event of dispute-service says about the invoices it names."""

from datetime import UTC, date, datetime

import pytest
from support.collections_office import dispute_event

from collections_service.dispute_holds.reports import counted_in, entity_of, reports


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


HALLOWEEN = datetime(2026, 11, 1, 0, 30, tzinfo=UTC)  # half past eight in the evening of 31 October in New York


@pytest.mark.parametrize(
    ("zone", "day"),
    [
        ("America/New_York", date(2026, 10, 31)),
        ("UTC", date(2026, 11, 1)),
        ("Pacific/Kiritimati", date(2026, 11, 1)),
        ("Etc/GMT+12", date(2026, 10, 31)),
    ],
)
def test_a_dispute_holds_from_the_day_that_it_is_where_the_invoice_belongs(zone: str, day: date) -> None:
    event = dispute_event("dispute-opened", version=1, on=HALLOWEEN, opened_at=HALLOWEEN, open={"INV-1": 100})
    (report,) = reports(event).values()
    counted = counted_in(zone, report, event)

    assert (counted.opened_on, counted.effective_on, counted.recorded_on) == (day, day, day)
    assert entity_of(event) is None


@pytest.mark.parametrize(
    ("event_type", "more", "by_posting"),
    [
        ("dispute-amount-reduced", {"cause": "payment"}, True),
        ("dispute-resolved", {"resolution_code": "CUSTOMER_PAID", "by_ledger": True}, True),
        ("dispute-resolved", {"resolution_code": "CUSTOMER_PAID"}, False),
        ("dispute-withdrawn", {"reason": "found it"}, False),
    ],
)
def test_what_a_posting_did_is_told_apart_from_what_a_person_did(
    event_type: str, more: dict[str, str], by_posting: bool
) -> None:
    (report,) = reports(dispute_event(event_type, version=2, open={"INV-1": 0}, **more)).values()  # type: ignore[arg-type]

    assert report.by_posting is by_posting
