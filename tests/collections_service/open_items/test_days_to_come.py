"""Now is the end of today's business day: what counts from a day to come only does not count before it, in no
answer."""

from datetime import date, timedelta
from typing import Any

import pytest
from support.collections_office import Office, dispute_event, invoice, payment


@pytest.fixture
def today(office: Office) -> date:
    return office.clock.now().date()


async def amounts(office: Office, **moment: Any) -> list[tuple[str, str]]:
    """Open and disputed of INV-1: the invoice itself, the list, the holds, the customer, the ageing."""
    await office.follow()
    single = await office.get("/v1/invoices/INV-1", **moment)
    (listed,) = (await office.get("/v1/invoices", **moment))["items"]
    held = (await office.get("/v1/holds", **moment))["items"]
    positions = (await office.get("/v1/customers/C-1", **moment))["positions"]
    rows = (await office.get("/v1/ageing", **moment))["rows"]
    found = [(each["open"]["amount"], each["disputed"]["amount"]) for each in (single, listed, *positions, *rows)]
    return [*found, *((each["open"]["amount"], each["held"]["amount"]) for each in held)]


async def test_a_payment_valued_in_the_future_pays_nothing_before_its_day(office: Office, today: date) -> None:
    """two_answers 13: the holds of now said none, those of today 300."""
    await office.accepted(invoice(issued_on=str(today - timedelta(days=20)), due_on=str(today)))
    await office.hear(dispute_event("dispute-opened", version=1, open={"INV-1": 30_000}, on=office.clock.now()))
    await office.accepted(payment(received_on=str(today + timedelta(days=90))))

    now = await amounts(office)
    assert now == [("1000.00", "300.00")] * 5
    assert await amounts(office, as_of=str(today)) == now
    assert set(await amounts(office, as_of=str(today + timedelta(days=89)))) == {("1000.00", "300.00")}
    paid = await office.get("/v1/invoices/INV-1", as_of=str(today + timedelta(days=90)))
    assert (paid["open"]["amount"], paid["disputed"]["amount"]) == ("0.00", "0.00")
    (hold,) = (await office.get("/v1/holds"))["items"]
    assert hold["collectable"]["amount"] == "700.00"
    assert [each["held"]["amount"] for each in hold["disputes"]] == ["300.00"]


async def test_a_part_payment_of_a_day_to_come_leaves_the_rest_as_it_is(office: Office, today: date) -> None:
    await office.accepted(invoice(issued_on=str(today - timedelta(days=20)), due_on=str(today)))
    await office.hear(dispute_event("dispute-opened", version=1, open={"INV-1": 30_000}, on=office.clock.now()))
    later = str(today + timedelta(days=2))
    await office.accepted(
        payment("P-1", "100.00", received_on=str(today)),
        payment("P-2", "800.00", {"INV-1": "800.00"}, received_on=later),
    )

    assert await amounts(office) == [("900.00", "300.00")] * 5
    assert set(await amounts(office, as_of=later)) == {("100.00", "100.00")}


async def test_what_is_open_is_asked_of_today(office: Office, today: date) -> None:
    await office.accepted(
        invoice(issued_on=str(today), due_on=str(today)),
        payment(received_on=str(today + timedelta(days=1))),
        invoice("INV-2", issued_on=str(today + timedelta(days=1)), due_on=str(today + timedelta(days=30))),
    )
    await office.follow()

    moments: list[dict[str, Any]] = [{}, {"as_of": str(today)}]
    for moment in moments:
        still_open = (await office.get("/v1/invoices", open="true", **moment))["items"]
        assert [each["invoice_id"] for each in still_open] == ["INV-1"], moment
        assert (await office.get("/v1/invoices", open="false", **moment))["items"] == []
    tomorrow = await office.get("/v1/invoices", open="true", as_of=str(today + timedelta(days=1)))
    assert [each["invoice_id"] for each in tomorrow["items"]] == ["INV-2"]


async def test_held_invoices_come_page_by_page_whatever_a_day_to_come_releases(office: Office, today: date) -> None:
    names = [f"INV-{number}" for number in range(6)]
    for number, name in enumerate(names):
        await office.accepted(invoice(name, issued_on=str(today), due_on=str(today)))
        await office.hear(
            dispute_event("dispute-opened", version=1, open={name: 30_000}, on=office.clock.now(), name=name)
        )
        if number % 2:
            later = str(today + timedelta(days=1))
            await office.accepted(payment(f"P-{number}", pays={name: "1000.00"}, received_on=later))
    await office.follow()

    found: list[str] = []
    query: dict[str, Any] = {"limit": 4}
    while True:
        page = await office.get("/v1/holds", **query)
        found += [each["invoice_id"] for each in page["items"]]
        if page["next_cursor"] is None:
            break
        query["cursor"] = page["next_cursor"]
    assert found == names


async def test_an_invoice_of_a_day_to_come_is_not_issued_and_not_settled(office: Office, today: date) -> None:
    tomorrow = today + timedelta(days=1)
    await office.accepted(invoice(issued_on=str(tomorrow), due_on=str(tomorrow)))

    shown = await office.get("/v1/invoices/INV-1")
    assert (shown["status"], shown["open"]["amount"], shown["days_overdue"]) == ("not_issued", "0.00", 0)
    assert (await office.get("/v1/invoices/INV-1", as_of=str(tomorrow)))["status"] == "open"
