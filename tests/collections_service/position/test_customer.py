from support.clock import SetClock
from support.collections_office import (
    Office,
    invoice,
    payment,
)


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
