"""A real receivables ledger of 2013 through the ERP's door, and the figures that are known of it."""

import csv
import os
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from support.collections_office import Office, dispute_event, invoice, payment, results

from redress.contracts.envelope import PublishedEvent
from redress.money import parse_money

REPOSITORY = Path(__file__).parents[2]
CANDIDATES = [
    Path(os.environ.get("LEDGER_CSV", "/nowhere")),
    REPOSITORY.parent / "shared/data/accounts_receivable_2013.csv",
    Path("/work/shared/data/accounts_receivable_2013.csv"),
]


def ledger() -> list[dict[str, Any]]:
    for path in CANDIDATES:
        if path.exists():
            with path.open(newline="") as file:
                return list(csv.DictReader(file))
    if os.environ.get("CI"):
        pytest.fail(f"the ledger is at none of {', '.join(map(str, CANDIDATES))}")
    pytest.skip("the ledger is not here; LEDGER_CSV may name it")


def day(text: str) -> date:
    month, day_of_month, year = text.split("/")
    return date(int(year), int(month), int(day_of_month))


def messages(rows: Sequence[dict[str, Any]]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    invoices = [
        invoice(
            row["invoiceNumber"],
            total=row["InvoiceAmount"],
            currency="USD",
            customer={"id": row["customerID"]},
            issued_on=str(day(row["InvoiceDate"])),
            due_on=str(day(row["DueDate"])),
        )
        for row in rows
    ]
    payments = [
        payment(
            f"P-{row['invoiceNumber']}",
            amount=row["InvoiceAmount"],
            pays={row["invoiceNumber"]: row["InvoiceAmount"]},
            currency="USD",
            customer_id=row["customerID"],
            received_on=str(day(row["SettledDate"])),
        )
        for row in rows
    ]
    return invoices, payments


def disputes(rows: Sequence[dict[str, Any]]) -> list[tuple[PublishedEvent, PublishedEvent]]:
    """Opened the day after the invoice date, resolved on the settlement date as paid by the customer."""
    found = []
    for row in rows:
        if row["Disputed"] == "Yes":
            number = row["invoiceNumber"]
            opened = datetime.combine(day(row["InvoiceDate"]), datetime.min.time(), UTC) + timedelta(days=1)
            settled = datetime.combine(day(row["SettledDate"]), datetime.min.time(), UTC)
            minor = parse_money(row["InvoiceAmount"], "USD").minor
            about = {"name": number, "currency": "USD", "opened_at": opened}
            found.append(
                (
                    dispute_event("dispute-opened", version=1, on=opened, open={number: minor}, **about),
                    dispute_event(
                        "dispute-resolved",
                        version=2,
                        on=max(opened, settled),
                        open={number: 0},
                        resolution_code="CUSTOMER_PAID",
                        **about,
                    ),
                )
            )
    return found


async def post(office: Office, items: Sequence[dict[str, Any]]) -> set[str]:
    told: set[str] = set()
    for at in range(0, len(items), 1_000):
        told.update(results(await office.erp(*items[at : at + 1_000])))
    return told


# Day: current, 1-30 days late, open invoices, disputed, disputes. All else is nothing on these days.
FIGURES = {
    "2012-03-31": ("5613.87", "569.23", 107, "1941.28", 31),
    "2012-06-30": ("4594.36", "909.73", 98, "1931.98", 32),
    "2012-12-31": ("4936.32", "788.74", 99, "1700.31", 28),
    "2013-03-31": ("5222.37", "681.37", 94, "2678.18", 39),
    "2013-06-30": ("4284.29", "835.56", 84, "1806.84", 27),
    "2013-12-31": ("206.25", "555.65", 13, "310.66", 5),
}


async def figures(office: Office) -> None:
    await office.follow()
    for as_of, (current, late, invoices, disputed, contests) in FIGURES.items():
        (row,) = (await office.get("/v1/ageing", as_of=as_of))["rows"]
        assert {bucket["bucket"]: bucket["open"]["amount"] for bucket in row["buckets"]} == {
            "current": current,
            "1-30": late,
            "31-60": "0.00",
            "61-90": "0.00",
            "91+": "0.00",
        }
        assert (row["open_invoices"], row["disputed"]["amount"], row["disputes"]) == (invoices, disputed, contests)
        assert row["balance"] == row["open"]


@pytest.mark.parametrize("disputes_first", [True, False])
async def test_the_published_figures_whoever_comes_first(office: Office, disputes_first: bool) -> None:
    rows = ledger()
    invoices, payments = messages(rows)
    opened = disputes(rows)
    assert (len(rows), len(opened)) == (2_466, 561)

    assert await post(office, invoices) == {"accepted"}
    if disputes_first:
        await office.hear(*(event for event, _ in opened))
    assert await post(office, payments) == {"accepted"}
    if disputes_first:
        await office.hear(*(event for _, event in opened))
    else:
        await office.hear(*(event for pair in opened for event in pair))
    await figures(office)
    invoiced = await office.worker.fetchrow("SELECT count(*), sum((doc->>'total')::bigint) FROM read.invoice_current")
    assert invoiced is not None
    assert tuple(invoiced) == (2_466, 14_770_318)

    events = await office.log.head()
    assert await post(office, [*invoices, *payments]) == {"duplicate"}
    await office.sequenced()
    assert await office.log.head() == events
    await figures(office)
