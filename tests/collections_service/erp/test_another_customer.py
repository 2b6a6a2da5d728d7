"""The ERP says that another customer owes an invoice: the books of both, on every day and as known at every instant."""

from datetime import timedelta
from typing import Any

from pydantic import SecretStr
from support.clock import SetClock
from support.collections_office import Office, about, correction, dispute_event, invoice, payment, take
from support.collections_office import message as on_the_topic

from collections_service.service import SERVICE
from redress.ops.settings import RebuildSettings
from redress.service.composition import rebuild


def moved(to: str = "C-2", on: str = "2026-03-01", **fields: object) -> dict[str, Any]:
    fields = {"invoice_id": "INV-1", "customer": {"id": to, "name": "Filiale GmbH"}, **fields}
    return about("invoice-customer-changed", f"{to} {on}", changed_on=on, **fields)


async def owed(office: Office, customer_id: str, **moment: Any) -> tuple[str, str]:
    """Open and disputed, as the customer's page says."""
    await office.follow()
    page = await office.get(f"/v1/customers/{customer_id}", **moment)
    if not page["positions"]:
        return "0.00", "0.00"
    (position,) = page["positions"]
    return position["open"]["amount"], position["disputed"]["amount"]


async def listed(office: Office, path: str, customer_id: str, **moment: Any) -> list[str]:
    await office.follow()
    return [each["invoice_id"] for each in (await office.get(path, customer_id=customer_id, **moment))["items"]]


async def test_ledger_lists_position_and_ageing_move_from_that_day_and_are_as_they_were_before_it(
    office: Office,
) -> None:
    await office.accepted(invoice(), payment(amount="400.00"))
    await office.hear(dispute_event("dispute-opened", version=1, open={"INV-1": 10_000}))
    await office.accepted(moved())

    assert await owed(office, "C-2") == ("600.00", "100.00")
    assert await owed(office, "C-1") == ("0.00", "0.00")
    assert await owed(office, "C-1", as_of="2026-02-28") == ("600.00", "100.00")
    assert await owed(office, "C-1", as_of="2026-02-19") == ("1000.00", "100.00")
    assert await owed(office, "C-2", as_of="2026-02-28") == ("0.00", "0.00")

    for path in ("/v1/invoices", "/v1/holds"):
        assert await listed(office, path, "C-2") == ["INV-1"]
        assert await listed(office, path, "C-1") == []
        assert await listed(office, path, "C-1", as_of="2026-02-28") == ["INV-1"]
        assert await listed(office, path, "C-2", as_of="2026-02-28") == []
        (then,) = (await office.get(path, as_of="2026-02-28"))["items"]
        (today,) = (await office.get(path, as_of="2026-03-01"))["items"]
        assert (then["customer_id"], today["customer_id"]) == ("C-1", "C-2")
    assert (await office.get("/v1/invoices/INV-1"))["customer_id"] == "C-2"
    assert (await office.get("/v1/invoices/INV-1", as_of="2026-02-28"))["customer_id"] == "C-1"
    ageing = await office.get("/v1/ageing", as_of="2026-03-01", group_by="customer")
    assert [(row["group"], row["open"]["amount"], row["open_invoices"]) for row in ageing["rows"]] == [
        ("C-2", "600.00", 1)
    ]
    assert (await office.get("/v1/customers/C-2"))["name"] == "Filiale GmbH"


async def test_what_is_recorded_afterwards_about_earlier_days_is_carried_over(office: Office) -> None:
    await office.accepted(invoice(), moved(), payment(amount="400.00"))

    assert await owed(office, "C-2") == ("600.00", "0.00")
    assert await owed(office, "C-1", as_of="2026-02-20") == ("600.00", "0.00")
    assert await owed(office, "C-1", as_of="2026-02-19") == ("1000.00", "0.00")
    assert await owed(office, "C-1") == ("0.00", "0.00")

    await office.accepted(correction(total="900.00", corrected_on="2026-03-05"))
    assert await owed(office, "C-2") == ("500.00", "0.00")
    assert await owed(office, "C-2", as_of="2026-03-04") == ("600.00", "0.00")


async def test_a_payment_that_is_taken_off_is_money_of_who_paid_it(office: Office) -> None:
    await office.accepted(invoice(), payment(), moved())
    off = about(
        "receipt-unapplied", "U-1", payment_id="P-1", currency="EUR", unapplied_on="2026-03-10",
        allocations=[{"invoice_id": "INV-1"}],
    )  # fmt: skip
    await office.accepted(off)

    assert await owed(office, "C-2") == ("1000.00", "0.00")
    (position,) = (await office.get("/v1/customers/C-1"))["positions"]
    assert (position["open"]["amount"], position["unapplied"]["amount"]) == ("0.00", "-1000.00")


async def test_what_was_known_before_it_was_told_is_as_it_was(office: Office, clock: SetClock) -> None:
    await office.accepted(invoice())
    await office.sequenced()
    known_at = ((await office.log.read_log(0, 1))[0].recorded_at + timedelta(microseconds=1)).isoformat()
    await office.accepted(moved())

    known_then: dict[str, Any] = {"as_of": "2026-03-10", "known_at": known_at}
    assert await owed(office, "C-1", **known_then) == ("1000.00", "0.00")
    assert await listed(office, "/v1/invoices", "C-1", **known_then) == ["INV-1"]
    assert await listed(office, "/v1/invoices", "C-2", **known_then) == []


async def test_a_third_customer_from_an_earlier_day_and_back(office: Office) -> None:
    await office.accepted(invoice(), moved(), moved("C-3", "2026-02-20"), moved("C-1", "2026-04-01"))

    assert await owed(office, "C-1", as_of="2026-02-19") == ("1000.00", "0.00")
    assert await owed(office, "C-3", as_of="2026-02-20") == ("1000.00", "0.00")
    assert await owed(office, "C-3", as_of="2026-03-31") == ("1000.00", "0.00")
    assert await owed(office, "C-2", as_of="2026-03-10") == ("0.00", "0.00")
    assert await owed(office, "C-1", as_of="2026-04-01") == ("1000.00", "0.00")


async def test_it_waits_for_its_invoice_counts_once_and_is_refused_with_a_reason(office: Office) -> None:
    (early,) = await office.erp(moved())
    assert (early["result"], early["waits_for"]) == ("waiting", "invoice INV-1")
    await office.accepted(invoice())
    assert await owed(office, "C-2") == ("1000.00", "0.00")

    again, renumbered, merged, to_come, corrected = await office.erp(
        moved(source_event_id="again"),
        about("customer-renumbered", "1", customer_id="C-1", new_customer_id="C-9"),
        about("customer-merged", "2"),
        moved(on="2199-01-01"),
        correction(customer_id="C-3"),
    )
    assert (again["result"], again["code"]) == ("duplicate", "already_so")
    assert [(each["result"], each["code"], each["pointer"]) for each in (renumbered, merged, to_come)] == [
        ("rejected", "kind_not_taken", "/1/kind"),
        ("rejected", "kind_not_taken", "/2/kind"),
        ("rejected", "date_in_future", "/3/changed_on"),
    ]
    assert "invoice-customer-changed" in renumbered["reason"]
    assert (corrected["result"], corrected["code"]) == ("rejected", "cannot_be_corrected")
    assert "send invoice-customer-changed" in corrected["reason"]


async def test_it_comes_over_kafka_too(office: Office) -> None:
    dead = await take(office, on_the_topic(invoice()), on_the_topic(moved(), 1))
    assert dead == []
    assert await owed(office, "C-2") == ("1000.00", "0.00")


async def test_a_rebuild_gives_the_same_books(office: Office) -> None:
    await office.accepted(invoice(), payment(amount="400.00"), moved(), moved("C-3", "2026-02-25"))
    await office.hear(dispute_event("dispute-opened", version=1, open={"INV-1": 10_000}))
    await office.follow()

    async def books() -> list[tuple[Any, ...]]:
        rows = await office.worker.fetch(
            "SELECT kind, customer_id, effective_on, sum(delta) FROM read.movement GROUP BY 1, 2, 3"
            " HAVING sum(delta) <> 0 ORDER BY 1, 2, 3"
        )
        return [tuple(row) for row in rows]

    live = await books()
    settings = RebuildSettings(
        owner_database_url=SecretStr(office.database.owner), worker_database_url=SecretStr(office.database.worker)
    )
    done = await rebuild(SERVICE, settings, "movements", lambda _: None)
    assert done.rows["invoice_customer"] == (2, 2)
    assert await books() == live
