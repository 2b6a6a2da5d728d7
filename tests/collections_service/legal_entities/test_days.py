"""The business day is the day of the legal entity: in the single answer, lists, ageing, the position and the holds."""

from datetime import UTC, datetime, timedelta
from typing import Any

from support.clock import SetClock
from support.collections_office import Office, about, correction, dispute_event, invoice, payment
from support.legal_entities import BERLIN, NEW_YORK

from collections_service.open_items.stream import INVOICE

HALLOWEEN = datetime(2026, 11, 1, 0, 30, tzinfo=UTC)  # half past eight in the evening of 31 October in New York
DUE = {"issued_on": "2026-10-01", "due_on": "2026-10-31"}


async def describe(office: Office, code: str, body: dict[str, Any]) -> None:
    headers = {**office.issuer.bearer("admin"), "Idempotency-Key": f"{code}-{body['zone']}"}
    made = await office.http.put(f"/v1/legal-entities/{code}", json=body, headers=headers)
    assert made.status_code < 300, made.text


async def two_entities(office: Office) -> None:
    """An invoice of New York, one of Berlin, one of an entity that nobody described: all due on 31 October."""
    await describe(office, "US01", NEW_YORK)
    await describe(office, "DE01", BERLIN)
    await office.accepted(
        invoice("DE-1", total="10.00", legal_entity="DE01", **DUE),
        invoice("US-1", total="200.00", legal_entity="US01", **DUE),
        invoice("XX-1", total="3000.00", legal_entity="XX01", **DUE),
    )
    await office.follow()


async def test_on_halloween_evening_new_york_is_not_late_yet(office: Office, clock: SetClock) -> None:
    await two_entities(office)
    clock.set(HALLOWEEN)

    async def late() -> dict[str, int]:
        listed = (await office.get("/v1/invoices"))["items"]
        for each in listed:
            single = await office.get(f"/v1/invoices/{each['invoice_id']}")
            assert single["days_overdue"] == each["days_overdue"]
        return {each["invoice_id"]: each["days_overdue"] for each in listed}

    assert await late() == {"DE-1": 1, "US-1": 0, "XX-1": 1}
    assert (await office.get("/v1/invoices/US-1"))["as_of"] == "2026-10-31"
    ageing = await office.get("/v1/ageing")
    (row,) = ageing["rows"]
    assert {b["bucket"]: b["open"]["amount"] for b in row["buckets"] if b["open_invoices"]} == {
        "current": "200.00",
        "1-30": "3010.00",
    }
    assert (ageing["as_of"], ageing["days"]) == ("2026-11-01", [{"legal_entity": "US01", "day": "2026-10-31"}])
    assert (await office.get("/v1/customers/C-1"))["positions"][0]["overdue"]["amount"] == "3010.00"

    clock.set(HALLOWEEN + timedelta(hours=4))  # half past midnight there
    assert await late() == {"DE-1": 1, "US-1": 1, "XX-1": 1}
    assert (await office.get("/v1/ageing"))["days"] == []


async def test_a_day_that_is_asked_for_is_the_same_everywhere(office: Office, clock: SetClock) -> None:
    await two_entities(office)
    clock.set(HALLOWEEN)

    listed = (await office.get("/v1/invoices", as_of="2026-11-01"))["items"]
    assert [each["days_overdue"] for each in listed] == [1, 1, 1]
    assert (await office.get("/v1/ageing", as_of="2026-11-01"))["days"] == []


async def test_what_is_valued_tomorrow_there_does_not_count_today(office: Office, clock: SetClock) -> None:
    await two_entities(office)
    clock.set(HALLOWEEN)
    await office.accepted(
        payment("P-US", amount="200.00", pays={"US-1": "200.00"}, received_on="2026-11-01"),
        payment("P-DE", amount="10.00", pays={"DE-1": "10.00"}, received_on="2026-11-01"),
    )
    await office.follow()
    known_at = (await office.log.read_log(await office.log.head() - 1, 1))[0].recorded_at.isoformat()

    opens = {each["invoice_id"]: each["open"]["amount"] for each in
             (await office.get("/v1/invoices", known_at=known_at))["items"]}  # fmt: skip
    assert opens == {"DE-1": "0.00", "US-1": "200.00", "XX-1": "3000.00"}
    assert (await office.get("/v1/invoices/US-1"))["open"]["amount"] == "200.00"
    assert (await office.get("/v1/invoices/DE-1"))["open"]["amount"] == "0.00"
    (row,) = (await office.get("/v1/ageing", customer_id="C-1"))["rows"]
    assert row["open"]["amount"] == "3200.00"


async def test_a_dispute_of_halloween_evening_holds_from_halloween_on(office: Office, clock: SetClock) -> None:
    await two_entities(office)
    clock.set(HALLOWEEN)
    await office.hear(
        dispute_event("dispute-opened", version=1, on=HALLOWEEN, opened_at=HALLOWEEN, open={"US-1": 5_000}),
        dispute_event("dispute-opened", version=1, on=HALLOWEEN, opened_at=HALLOWEEN, open={"DE-1": 500}, name="two"),
    )
    await office.follow()

    async def held(as_of: str) -> dict[str, str]:
        page = await office.get("/v1/holds", as_of=as_of)
        return {each["invoice_id"]: each["held"]["amount"] for each in page["items"]}

    assert await held("2026-10-31") == {"US-1": "50.00"}
    assert await held("2026-11-01") == {"DE-1": "5.00", "US-1": "50.00"}
    known_at = (await office.log.read_log(await office.log.head() - 1, 1))[0].recorded_at.isoformat()
    now = (await office.get("/v1/holds", known_at=known_at))["items"]
    assert [each["invoice_id"] for each in now] == ["DE-1", "US-1"]


async def test_a_past_answer_has_the_zone_that_was_known_then(office: Office, clock: SetClock) -> None:
    await two_entities(office)
    clock.set(HALLOWEEN)
    then = (await office.log.read_log(await office.log.head() - 1, 1))[0].recorded_at.isoformat()
    await describe(office, "US01", {**NEW_YORK, "zone": "Pacific/Kiritimati"})
    await office.follow()

    assert (await office.get("/v1/invoices/US-1"))["as_of"] == "2026-11-01"
    assert (await office.get("/v1/invoices/US-1", known_at=then))["as_of"] == "2026-10-31"
    assert (await office.get("/v1/ageing"))["days"] == []
    assert (await office.get("/v1/ageing", known_at=then))["days"] == [{"legal_entity": "US01", "day": "2026-10-31"}]
    late = {each["invoice_id"]: each["days_overdue"] for each in
            (await office.get("/v1/invoices", known_at=then))["items"]}  # fmt: skip
    assert late == {"DE-1": 1, "US-1": 0, "XX-1": 1}


async def test_a_correction_without_a_day_counts_from_the_day_it_was_received_there(
    office: Office, clock: SetClock
) -> None:
    await two_entities(office)
    clock.set(HALLOWEEN)
    undated = {name: value for name, value in correction("US-1", currency="EUR").items() if name != "corrected_on"}
    await office.accepted(
        {**undated, "due_on": "2026-12-01", "legal_entity": "US01"},
        {**undated, "due_on": "2026-12-01", "invoice_id": "DE-1", "source_event_id": "de", "legal_entity": "DE01"},
    )
    await office.sequenced()
    days = [
        INVOICE.codec.decode(event.type, event.schema_version, event.payload).corrected_on  # type: ignore[union-attr]
        for event in await office.log.read_log(0, 100)
        if event.type == "invoice-corrected"
    ]

    assert sorted(map(str, days)) == ["2026-10-31", "2026-11-01"]


async def test_another_customer_owes_an_invoice_from_a_day_that_has_come_at_its_entity(
    office: Office, clock: SetClock
) -> None:
    """Half past eight in the evening of 31 October in New York is half past one on 1 November in Berlin."""
    await describe(office, "US01", NEW_YORK)
    await describe(office, "DE01", BERLIN)
    await office.accepted(invoice("DE-1", legal_entity="DE01", **DUE), invoice("US-1", legal_entity="US01", **DUE))
    clock.set(HALLOWEEN)

    def moved(number: str, entity: str | None, on: str) -> dict[str, Any]:
        customer = {"id": "C-2", "name": "Filiale GmbH"}
        fields = {"invoice_id": number, "customer": customer, "changed_on": on, "legal_entity": entity}
        return about("invoice-customer-changed", f"{number} {on}", **fields)

    results = await office.erp(
        moved("US-1", "US01", "2026-11-01"), moved("DE-1", "DE01", "2026-11-02"), moved("DE-1", "DE01", "2026-11-01")
    )
    assert [(each["result"], each["code"], each["pointer"]) for each in results] == [
        ("rejected", "date_in_future", "/0/changed_on"),
        ("rejected", "date_in_future", "/1/changed_on"),
        ("accepted", None, None),
    ]
