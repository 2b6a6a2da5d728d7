"""Each stored event, as others see it."""

import msgspec
from support.collections_office import Office, correction, credit_memo, dispute_event, invoice, payment, reversal

from collections_service.service import SERVICE
from redress.contracts.catalogue import catalogue
from redress.contracts.collections_events import CollectionsEvent
from redress.contracts.envelope import PublishedEvent
from redress.ids import derived_uuid, public_id
from redress.service.composition import publication


async def published(office: Office) -> list[PublishedEvent]:
    await office.sequenced()
    stored = await office.log.read_log(0, 200)
    return await publication(SERVICE, office.log).publish(stored)


async def test_every_event_carries_the_invoice_after_it(office: Office) -> None:
    short = payment(amount="100.00", remittance_reason="damaged", claim_number="CL-7")
    await office.accepted(invoice(), correction(total="900.00"), short, reversal())

    events = await published(office)

    decoded = [msgspec.json.decode(event.data, type=CollectionsEvent) for event in events]
    assert [(event.type, e.invoice.open.amount) for event, e in zip(events, decoded, strict=True)] == [
        ("invoice-registered", "1000.00"),
        ("invoice-changed", "900.00"),
        ("payment-applied", "800.00"),
        ("short-payment-detected", "800.00"),
        ("payment-reversed", "900.00"),
    ]


async def test_a_discount_is_told_when_it_is_granted_and_when_it_goes(office: Office) -> None:
    paid = payment(amount="980.00", received_on="2026-01-20")
    await office.accepted(invoice(discount_percent="2", discount_days=10), paid, reversal())

    told = [msgspec.json.decode(event.data, type=CollectionsEvent) for event in await published(office)]
    assert [(type(each).__name__, each.invoice.open.amount, each.invoice.discount_granted.amount) for each in told] == [
        ("InvoiceRegistered", "1000.00", "0.00"),
        ("PaymentApplied", "20.00", "0.00"),
        ("DiscountGranted", "0.00", "20.00"),
        ("PaymentReversed", "980.00", "20.00"),
        ("DiscountWithdrawn", "1000.00", "0.00"),
    ]
    assert (told[0].invoice.discount_percent, told[0].invoice.discount_days) == ("2", 10)
    shown = await office.get("/v1/invoices/INV-1")
    assert shown["discount"] == {"percent": "2", "until": "2026-01-20"}
    assert (shown["open"]["amount"], shown["discount_granted"]["amount"]) == ("1000.00", "0.00")
    was = await office.get("/v1/invoices/INV-1", as_of="2026-02-01")
    assert (was["open"]["amount"], was["discount_granted"]["amount"]) == ("0.00", "20.00")
    await office.follow()
    aged = await office.get("/v1/ageing", as_of="2026-02-01", group_by="total")
    assert [row["balance"]["amount"] for row in aged["rows"]] in ([], ["0.00"])


async def test_a_payment_is_told_with_the_erp_that_numbered_it_and_the_payers_words(office: Office) -> None:
    short = payment(amount="100.00", remittance_reason="damaged", claim_number="CL-7")
    await office.accepted(invoice(), short, reversal())
    await office.accepted(payment("P-2", "50.00", {}))

    told = [msgspec.json.decode(event.data) for event in await published(office)]
    assert [(each["type"], each.get("source")) for each in told] == [
        ("invoice-registered", None),
        ("payment-applied", "sap"),
        ("short-payment-detected", "sap"),
        ("payment-reversed", "sap"),
        ("unapplied-cash-changed", "sap"),
    ]
    assert (told[2]["remittance_reason"], told[2]["claim_number"]) == ("damaged", "CL-7")


async def test_what_a_payment_left_open_is_shown_with_its_reason(office: Office) -> None:
    part = payment(amount="850.00", pays={})
    part["allocations"] = [{"invoice_id": "INV-1", "amount": "850.00", "withheld_tax": "150.00"}]
    await office.accepted(invoice(), part)

    shown = await office.get("/v1/invoices/INV-1")
    assert (shown["undisputed"]["amount"], shown["withheld_tax"]["amount"]) == ("150.00", "150.00")
    assert (shown["remainder"]["why"], shown["remainder"]["amount"]["amount"]) == ("withheld-tax", "150.00")
    assert shown["remainder"]["explanation"] == "150.00 EUR tax was withheld and waits for its certificate"


async def test_holds_and_credits_are_told_with_their_disputes(office: Office) -> None:
    await office.accepted(invoice())
    await office.hear(dispute_event("dispute-opened", version=1, open={"INV-1": 30_000}))
    await office.hear(
        dispute_event(
            "dispute-resolved",
            version=3,
            open={"INV-1": 20_000},
            awaiting=20_000,
            rejected=10_000,
            resolution_code="CREDIT_PARTIAL",
        )
    )
    await office.accepted(credit_memo(pays={"INV-1": "200.00"}))

    told = [
        (event.type, event.effective_at.date().isoformat(), msgspec.json.decode(event.data))
        for event in await published(office)
    ]
    assert [
        (kind, on, data.get("held", {}).get("amount"), data["invoice"]["disputed"]["amount"]) for kind, on, data in told
    ] == [
        ("invoice-registered", "2026-01-10", None, "0.00"),
        ("dispute-hold-placed", "2026-01-15", "300.00", "300.00"),
        ("dispute-hold-released", "2026-01-15", "200.00", "200.00"),
        ("recovery-task-opened", "2026-01-15", None, "200.00"),
        ("credit-memo-applied", "2026-02-22", None, "200.00"),
    ]
    assert told[2][2]["why"] == "resolved as CREDIT_PARTIAL"


async def test_a_credit_memo_is_told_with_the_dispute_that_the_erp_named(office: Office) -> None:
    dispute_id = public_id("dsp", derived_uuid("test-dispute", "demo", "one"))
    part = {"invoice_id": "INV-1", "amount": "200.00", "dispute": dispute_id}
    await office.accepted(invoice(), credit_memo(applies_to=[part]))
    again = await office.erp(credit_memo(applies_to=[part | {"dispute": None}], source_event_id="another"))

    told = [msgspec.json.decode(event.data) for event in await published(office)]
    assert [event["dispute_id"] for event in told if event["type"] == "credit-memo-applied"] == [dispute_id]
    assert again[0]["result"] == "rejected", "the same memo for another dispute is not the same memo"


async def test_unapplied_cash_is_told_without_an_invoice(office: Office) -> None:
    await office.accepted(payment(amount="70.00", pays={}), reversal())

    told = [msgspec.json.decode(event.data) for event in await published(office)]

    assert [(event["type"], event["unapplied"]["amount"]) for event in told] == [
        ("unapplied-cash-changed", "70.00"),
        ("unapplied-cash-changed", "0.00"),
    ]


async def test_the_same_event_is_published_alike_whoever_asks_and_wherever_one_starts(office: Office) -> None:
    await office.accepted(invoice(), payment(amount="100.00"), reversal())
    whole = {event.id: event for event in await published(office)}
    stored = await office.log.read_log(0, 200)

    for start in range(len(stored)):
        for event in await publication(SERVICE, office.log).publish(stored[start:]):
            assert event == whole[event.id]
    backwards = publication(SERVICE, office.log)
    for each in reversed(stored):
        for event in await backwards.publish([each]):
            assert event == whole[event.id]


async def test_nothing_of_a_customers_name_or_address_is_published(office: Office) -> None:
    await office.accepted(invoice())

    everything = msgspec.json.encode(await published(office))

    assert b"Muster" not in everything
    assert b"muster.test" not in everything


async def test_the_envelope_says_who_when_and_why(office: Office) -> None:
    await office.accepted(invoice())

    (event,) = await published(office)

    assert (event.source, event.tenant, event.version, event.seq) == ("/redress/collections-service/main", "demo", 1, 1)
    assert event.actor == "service:anna"
    assert event.causation_id == "erp sap posted INV-1"
    assert event.dataschema in {contract.dataschema for contract in catalogue()}
