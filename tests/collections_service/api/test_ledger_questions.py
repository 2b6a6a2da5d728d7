from datetime import timedelta
from typing import Any

from support.clock import SetClock
from support.collections_office import (
    Office,
    correction,
    credit_memo,
    dispute_event,
    invoice,
    payment,
    reversal,
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


async def test_only_the_disputed_part_is_held_from_the_day_it_is_effective(office: Office) -> None:
    await office.accepted(invoice())
    await office.hear(dispute_event("dispute-opened", version=1, open={"INV-1": 30_000}))
    await office.follow()

    (held,) = (await office.get("/v1/holds", customer_id="C-1"))["items"]
    assert (held["held"]["amount"], held["collectable"]["amount"]) == ("300.00", "700.00")
    found = row(await office.get("/v1/ageing", as_of="2026-01-15"))
    assert (found["disputed"]["amount"], found["undisputed"]["amount"], found["disputes"]) == ("300.00", "700.00", 1)
    assert row(await office.get("/v1/ageing", as_of="2026-01-14"))["disputes"] == 0
    assert (await office.get("/v1/holds", as_of="2026-01-14"))["items"] == []
    assert (await office.get("/v1/holds", as_of="2026-01-15"))["items"][0]["held"]["amount"] == "300.00"


async def test_a_dispute_event_heard_twice_has_one_effect(office: Office) -> None:
    await office.accepted(invoice())
    opened = dispute_event("dispute-opened", version=1, open={"INV-1": 30_000})

    await office.hear(opened)
    await office.hear(opened)

    assert (await office.get("/v1/invoices/INV-1"))["version"] == 3


async def test_a_dispute_heard_before_its_invoice_waits_for_it(office: Office) -> None:
    await office.hear(dispute_event("dispute-opened", version=1, open={"INV-1": 30_000}))
    await office.get("/v1/invoices/INV-1", status=404)

    await office.accepted(invoice())

    assert (await office.get("/v1/invoices/INV-1"))["disputed"]["amount"] == "300.00"


async def test_a_rejected_dispute_becomes_a_task_to_collect_again(office: Office) -> None:
    await office.accepted(invoice())
    await office.hear(
        dispute_event("dispute-opened", version=1, open={"INV-1": 30_000}),
        dispute_event(
            "dispute-resolved", version=4, open={"INV-1": 0}, rejected=30_000, resolution_code="REJECTED_COLLECT"
        ),
    )
    await office.follow()

    (task,) = (await office.get("/v1/recollection-tasks"))["items"]
    assert (task["invoice_id"], task["amount"]["amount"], task["done"]) == ("INV-1", "300.00", False)
    assert (await office.get("/v1/holds"))["items"] == []

    await office.accepted(payment())
    (task,) = (await office.get("/v1/recollection-tasks", customer_id="C-1"))["items"]
    assert (task["collectable"]["amount"], task["done"]) == ("0.00", True)


async def test_a_granted_credit_stays_held_until_the_credit_memo_arrives(office: Office) -> None:
    await office.accepted(invoice())
    await office.hear(
        dispute_event("dispute-opened", version=1, open={"INV-1": 30_000}),
        dispute_event(
            "dispute-resolved", version=4, open={"INV-1": 30_000}, awaiting=30_000, resolution_code="CREDIT_FULL"
        ),
    )
    (held,) = (await office.get("/v1/holds"))["items"]
    assert held["disputes"][0]["awaiting_credit"]["amount"] == "300.00"

    await office.accepted(credit_memo())

    shown = await office.get("/v1/invoices/INV-1")
    assert (shown["open"]["amount"], shown["disputed"]["amount"]) == ("700.00", "0.00")


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


async def test_a_customer_is_shown_with_a_position_per_currency(office: Office, clock: SetClock) -> None:
    await office.accepted(
        invoice(),
        invoice("INV-2", currency="USD", total="70.00"),
        payment(amount="250.00", pays={"INV-1": "200.00"}),
    )
    await office.follow()

    shown = await office.get("/v1/customers/C-1", as_of="2026-02-20")

    assert (shown["name"], shown["email"], shown["language"]) == ("Muster GmbH", "ap@muster.test", "de")
    (eur, usd) = shown["positions"]
    assert (eur["open"]["amount"], eur["overdue"]["amount"], eur["unapplied"]["amount"]) == (
        "800.00",
        "800.00",
        "-50.00",
    )
    assert usd["open"]["amount"] == "70.00"
    assert shown["position"]["seq"] == await office.log.head()
    await office.get("/v1/customers/C-9", status=404)


async def test_a_changed_address_is_recorded_once(office: Office) -> None:
    customer = {"id": "C-1", "name": "Muster GmbH", "email": "neu@muster.test", "language": "de"}
    await office.accepted(invoice(), invoice("INV-2", customer=customer), invoice("INV-3", customer=customer))

    shown = await office.get("/v1/customers/C-1")

    assert shown["email"] == "neu@muster.test"
    await office.follow()
    changes = await office.log.read_log(0, 100, types=["customer-registered", "customer-changed"])
    assert [event.type for event in changes] == ["customer-registered", "customer-changed"]


async def test_an_invoice_list_is_paged_by_number(office: Office) -> None:
    await office.accepted(*(invoice(f"INV-{n}") for n in range(1, 6)), payment(pays={"INV-2": "1000.00"}))

    first = await office.get("/v1/invoices", customer_id="C-1", open="true", limit=2)
    second = await office.get("/v1/invoices", customer_id="C-1", open="true", limit=2, cursor=first["next_cursor"])

    assert [i["invoice_id"] for i in first["items"]] == ["INV-1", "INV-3"]
    assert [i["invoice_id"] for i in second["items"]] == ["INV-4", "INV-5"]
    await office.get("/v1/invoices", customer_id="C-2", cursor=first["next_cursor"], status=400)


async def test_a_source_tells_what_waits_and_what_was_refused(office: Office) -> None:
    await office.erp(reversal("P-9"), invoice(total="-1"), {"source": "sap", "kind": "nonsense"})

    health = await office.get("/v1/erp/sources/sap/health", role="erp")

    assert health["counts"] == {"rejected": 2, "waiting": 1}
    assert health["waiting"][0]["waits_for"] == "payment sap P-9"
    assert health["rejected"][1]["pointer"] == "/total"
    await office.get("/v1/erp/sources/oracle/health", role="erp", status=404)
