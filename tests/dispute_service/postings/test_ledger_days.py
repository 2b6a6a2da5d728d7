"""A business day of the ledger is one of the invoice's legal entity."""

from datetime import UTC, date, datetime

import pytest
from support.dispute_api import Company, Office
from support.ledger_events import LedgerInvoice
from support.legal_entities import changed

from dispute_service.postings.ledger_events import counts_from, on_the_entitys_day


@pytest.mark.parametrize(
    ("zone", "begins"),
    [
        ("UTC", datetime(2026, 3, 3, tzinfo=UTC)),
        ("America/New_York", datetime(2026, 3, 3, 5, tzinfo=UTC)),
        ("Pacific/Kiritimati", datetime(2026, 3, 2, 10, tzinfo=UTC)),
    ],
)
def test_a_payment_counts_from_the_beginning_of_its_day(zone: str, begins: datetime) -> None:
    paid = LedgerInvoice("demo").paid("1.00", leaves="999.00", on=date(2026, 3, 3))

    assert counts_from(on_the_entitys_day(paid, zone)) == begins


def test_a_payment_of_a_day_to_come_counts_when_it_was_recorded() -> None:
    paid = LedgerInvoice("demo").paid("1.00", leaves="999.00", on=date(2027, 3, 1))

    assert counts_from(on_the_entitys_day(paid, "America/New_York")) == datetime(2026, 3, 4, 13, tzinfo=UTC)


async def test_a_dispute_of_new_york_is_seen_by_the_days_of_new_york(company: Company, office: Office) -> None:
    invoice = LedgerInvoice(company.tenant, legal_entity="US01")
    await office.take(changed(tenant=company.tenant), invoice.registered())
    dispute = await company.open()
    await office.take(invoice.paid("1000.00", leaves="0.00", on=date(2026, 3, 4)))

    async def status(as_of: str) -> object:
        found = await company.get(f"/v1/disputes/{dispute['dispute_id']}", as_of=as_of)
        return found.json()["status"] if found.status_code == 200 else None

    # Opened at 7:00 in New York: five working days end on Tuesday at 17:00 there, by then in summer time.
    assert dispute["sla_due_at"] == "2026-03-10T21:00:00Z"
    assert await status("2026-03-04") == "resolved"
    assert await status("2026-03-03") is None
