from datetime import timedelta
from typing import Any

from support.clock import SetClock
from support.collections_office import (
    Office,
    correction,
    invoice,
    payment,
)


def row(ageing: dict[str, Any], group: str = "total", currency: str = "EUR") -> dict[str, Any]:
    found: dict[str, Any]
    (found,) = [r for r in ageing["rows"] if (r["group"], r["currency"]) == (group, currency)]
    return found


def bucket(found: dict[str, Any], name: str) -> str:
    return str(next(b["open"]["amount"] for b in found["buckets"] if b["bucket"] == name))


async def test_an_invoice_ages_from_its_due_date_or_its_document_date(office: Office) -> None:
    await office.accepted(invoice())  # issued 10 January, due 9 February 2026
    await office.follow()

    async def where(as_of: str, basis: str = "due") -> str:
        found = row(await office.get("/v1/ageing", as_of=as_of, basis=basis))
        return str(next(b["bucket"] for b in found["buckets"] if b["open_invoices"]))

    assert await where("2026-02-09") == "current"
    assert await where("2026-02-10") == "1-30"
    assert await where("2026-02-10", basis="document") == "31-60"
    assert await where("2026-06-01") == "91+"
    assert (await office.get("/v1/ageing", as_of="2026-01-09"))["rows"] == []


async def test_currencies_are_never_added(office: Office) -> None:
    await office.accepted(invoice(), invoice("INV-2", currency="USD", total="70.00"))
    await office.follow()

    ageing = await office.get("/v1/ageing", as_of="2026-03-31")

    assert [(r["currency"], r["open"]["amount"]) for r in ageing["rows"]] == [("EUR", "1000.00"), ("USD", "70.00")]


async def test_unapplied_cash_is_negative_and_counts_from_its_value_date(office: Office) -> None:
    await office.accepted(invoice(), payment(amount="1100.00", pays={"INV-1": "200.00"}))
    await office.follow()

    found = row(await office.get("/v1/ageing", as_of="2026-02-20"))
    assert (found["open"]["amount"], found["unapplied"]["amount"], found["balance"]["amount"]) == (
        "800.00",
        "-900.00",
        "-100.00",
    )
    before = row(await office.get("/v1/ageing", as_of="2026-02-19"))
    assert (before["open"]["amount"], before["unapplied"]["amount"]) == ("1000.00", "0.00")


async def test_what_was_known_then_does_not_change_by_what_is_learnt_later(office: Office, clock: SetClock) -> None:
    await office.accepted(invoice())
    await office.follow()
    (registered,) = await office.log.read_log(0, 1)
    then = (registered.recorded_at + timedelta(microseconds=1)).isoformat()
    await office.accepted(payment(received_on="2026-01-12"), correction(total="1000.00", due_on="2026-03-11"))
    await office.follow()
    # The office's clock stands still, but what the database records does not: ask as known a day later.
    now = (registered.recorded_at + timedelta(days=1)).isoformat()

    known_then = await office.get("/v1/ageing", as_of="2026-02-10", known_at=then)
    assert bucket(row(known_then), "1-30") == "1000.00"
    assert (await office.get("/v1/ageing", as_of="2026-02-10", known_at=now))["rows"] == []
    assert (await office.get("/v1/invoices/INV-1", known_at=then))["due_on"] == "2026-02-09"
    assert (await office.get("/v1/invoices/INV-1", known_at=now))["due_on"] == "2026-03-11"
    (listed,) = (await office.get("/v1/invoices", known_at=then, as_of="2026-02-10"))["items"]
    assert (listed["open"]["amount"], listed["days_overdue"]) == ("1000.00", 1)


THROUGH_THE_BUCKETS = {
    "2026-01-10": "current",
    "2026-01-31": "current",  # due today is not overdue
    "2026-02-01": "1-30",
    "2026-03-02": "1-30",
    "2026-03-03": "31-60",
    "2026-04-01": "31-60",
    "2026-04-02": "61-90",
    "2026-05-01": "61-90",
    "2026-05-02": "91+",
    "2036-05-02": "91+",
}


async def test_an_invoice_due_on_the_31st_of_january_ages_through_the_buckets(office: Office) -> None:
    """Domain reference §4: days overdue are as_of less the due date; current up to 0, then 1-30, 31-60, 61-90, 91+."""
    await office.accepted(invoice(due_on="2026-01-31"))
    await office.follow()

    async def buckets(as_of: str) -> dict[str, str]:
        found = row(await office.get("/v1/ageing", as_of=as_of))
        return {each["bucket"]: each["open"]["amount"] for each in found["buckets"]}

    names = ["current", "1-30", "31-60", "61-90", "91+"]
    for as_of, expected in THROUGH_THE_BUCKETS.items():
        assert await buckets(as_of) == {name: "1000.00" if name == expected else "0.00" for name in names}, as_of
