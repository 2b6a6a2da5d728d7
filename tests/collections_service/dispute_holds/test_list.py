from typing import Any

from support.collections_office import (
    Office,
    credit_memo,
    dispute_event,
    invoice,
)


def row(ageing: dict[str, Any], group: str = "total", currency: str = "EUR") -> dict[str, Any]:
    found: dict[str, Any]
    (found,) = [r for r in ageing["rows"] if (r["group"], r["currency"]) == (group, currency)]
    return found


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


async def test_a_granted_credit_stays_held_until_dispute_service_has_answered_the_credit_memo(office: Office) -> None:
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
    assert (shown["open"]["amount"], shown["disputed"]["amount"]) == ("700.00", "300.00")

    await office.hear(dispute_event("dispute-settled", version=6, open={"INV-1": 0}))

    shown = await office.get("/v1/invoices/INV-1")
    assert (shown["open"]["amount"], shown["disputed"]["amount"]) == ("700.00", "0.00")
