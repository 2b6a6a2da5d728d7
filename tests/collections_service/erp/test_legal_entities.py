"""Two legal entities post one invoice number: the ERP's door, the reads, and what waits."""

import asyncio
from typing import Any

from support.collections_office import (
    Office,
    about,
    correction,
    credit_memo,
    dispute_event,
    invoice,
    payment,
    results,
)


def of(entity: str, invoice_id: str = "4711", total: str = "1000.00", **fields: object) -> dict[str, Any]:
    posted = invoice(invoice_id, total, legal_entity=entity, **fields)
    return posted | {"source_event_id": f"posted {entity} {invoice_id}"}


def pays(payment_id: str, *parts: dict[str, str], amount: str = "1000.00", **fields: Any) -> dict[str, Any]:
    return payment(payment_id, amount, allocations=list(parts), **fields)


async def open_of(office: Office, entity: str, invoice_id: str = "4711") -> str:
    shown = await office.get(f"/v1/invoices/{invoice_id}", legal_entity=entity)
    assert shown["legal_entity"] == entity
    return str(shown["open"]["amount"])


async def recorded_last(office: Office) -> str:
    """The instant of the newest event."""
    return str((await office.worker.fetchval("SELECT max(recorded_at) FROM es.event")).isoformat())


async def test_two_entities_post_one_number_and_each_has_its_invoice(office: Office) -> None:
    await office.accepted(of("DE01"), of("DE02", total="70.00", customer={"id": "C-2"}))

    assert await open_of(office, "DE01") == "1000.00"
    assert await open_of(office, "DE02") == "70.00"


async def test_a_number_alone_is_answered_with_those_who_have_it(office: Office) -> None:
    await office.accepted(of("DE01"), of("DE02"))

    problem = await office.get("/v1/invoices/4711", status=409)

    assert (problem["code"], problem["legal_entities"]) == ("ambiguous_invoice", ["DE01", "DE02"])
    assert (await office.get("/v1/invoices/4711", legal_entity="FR01", status=404))["code"] == "not_found"


async def test_a_number_of_one_entity_needs_no_entity_and_a_wrong_one_finds_nothing(office: Office) -> None:
    await office.accepted(of("DE01"))

    assert (await office.get("/v1/invoices/4711"))["legal_entity"] == "DE01"
    await office.get("/v1/invoices/4711", legal_entity="DE02", status=404)


async def test_an_invoice_is_shown_as_it_was_before_the_number_was_shared(office: Office) -> None:
    await office.accepted(of("DE01"))
    before = await recorded_last(office)
    await office.accepted(of("DE02"))

    assert (await office.get("/v1/invoices/4711", known_at=before))["legal_entity"] == "DE01"
    await office.get("/v1/invoices/4711", known_at=before, legal_entity="DE02", status=404)


async def test_both_at_the_same_moment_both_get_their_own(office: Office) -> None:
    await asyncio.gather(*(office.accepted(of(f"E{n}", total=f"{n}.00")) for n in range(1, 7)))

    assert [await open_of(office, f"E{n}") for n in range(1, 7)] == [f"{n}.00" for n in range(1, 7)]
    assert len((await office.get("/v1/invoices"))["items"]) == 6


async def test_in_a_batch_the_ambiguous_item_is_refused_and_no_other(office: Office) -> None:
    await office.accepted(of("DE01"), of("DE02"), of("DE01", "4712"))

    answers = await office.erp(
        payment("P-1", "10.00", {"4712": "10.00"}),
        payment("P-2", "30.00", {"4712": "10.00", "4711": "20.00"}),
        correction("4711", total="900.00"),
        correction("4711", total="900.00", legal_entity="DE02", source_event_id="of DE02"),
        about("write-off-posted", "w", write_off_id="W", invoice_id="4711", posted_on="2026-03-01", currency="EUR",
              amount="5.00", write_off_kind="bad_debt"),
    )  # fmt: skip

    assert results(answers) == ["accepted", "rejected", "rejected", "accepted", "rejected"]
    assert [answer["code"] for answer in answers if answer["result"] == "rejected"] == ["ambiguous_invoice"] * 3
    assert [answers[1]["pointer"], answers[2]["pointer"]] == ["/1/allocations/1/legal_entity", "/2/legal_entity"]
    assert "DE01, DE02 have an invoice 4711 each" in answers[1]["reason"]
    assert await open_of(office, "DE02") == "900.00"


async def test_one_transfer_pays_two_companies_and_a_part_without_entity_is_the_payments_own(office: Office) -> None:
    await office.accepted(of("DE01"), of("DE02"))

    await office.accepted(
        pays(
            "P-1",
            {"invoice_id": "4711", "amount": "100.00"},
            {"invoice_id": "4711", "amount": "250.00", "legal_entity": "DE02"},
            legal_entity="DE01",
        )
    )

    assert (await open_of(office, "DE01"), await open_of(office, "DE02")) == ("900.00", "750.00")


async def test_a_credit_memo_credits_the_invoice_of_its_own_entity(office: Office) -> None:
    await office.accepted(of("DE01"), of("DE02"), credit_memo(pays={"4711": "300.00"}, legal_entity="DE02"))

    assert (await open_of(office, "DE01"), await open_of(office, "DE02")) == ("1000.00", "700.00")


async def test_what_names_an_entity_waits_for_that_entitys_invoice(office: Office) -> None:
    await office.accepted(of("DE01"))
    (waiting,) = await office.erp(payment(pays={"4711": "1000.00"}, legal_entity="DE02"))
    assert (waiting["result"], waiting["waits_for"]) == ("waiting", "invoice 4711 of DE02")

    await office.accepted(of("DE02"))

    assert (await open_of(office, "DE01"), await open_of(office, "DE02")) == ("1000.00", "0.00")


async def test_what_names_none_waits_for_whoever_posts_the_number(office: Office) -> None:
    (waiting,) = await office.erp(payment(pays={"4711": "1000.00"}))
    assert waiting["waits_for"] == "invoice 4711"

    await office.accepted(of("DE02"))

    assert await open_of(office, "DE02") == "0.00"


async def test_no_page_loses_or_doubles_an_invoice_of_a_shared_number(office: Office) -> None:
    await office.accepted(*(of(entity, number) for number in ("1", "2") for entity in ("A", "B", "C")))
    await office.hear(dispute_event("dispute-opened", version=1, open={"1": 100}, legal_entity="B"))
    await office.hear(dispute_event("dispute-opened", version=1, open={"1": 100}, name="two"))
    await office.follow()

    async def all_of(path: str, **query: Any) -> list[tuple[str, str]]:
        found: list[tuple[str, str]] = []
        cursor: dict[str, Any] = {}
        while True:
            page = await office.get(path, limit=1, **query, **cursor)
            found += [(each["invoice_id"], each["legal_entity"]) for each in page["items"]]
            if page["next_cursor"] is None:
                return found
            cursor = {"cursor": page["next_cursor"]}

    everything = [("1", "A"), ("1", "B"), ("1", "C"), ("2", "A"), ("2", "B"), ("2", "C")]
    now = await recorded_last(office)
    assert await all_of("/v1/invoices") == everything
    assert await all_of("/v1/invoices", known_at=now) == everything
    assert await all_of("/v1/invoices", legal_entity="B") == [("1", "B"), ("2", "B")]
    assert await all_of("/v1/holds") == [("1", "A"), ("1", "B")]
    assert await all_of("/v1/holds", known_at=now) == [("1", "A"), ("1", "B")]
    assert await all_of("/v1/holds", legal_entity="B") == [("1", "B")]


async def test_recovery_tasks_tell_the_entity_and_are_found_by_it(office: Office) -> None:
    await office.accepted(of("DE01"), of("DE02"))
    for name, entity in (("one", "DE01"), ("two", "DE02")):
        await office.hear(
            dispute_event("dispute-opened", version=1, open={"4711": 30_000}, name=name, legal_entity=entity),
            dispute_event(
                "dispute-resolved", version=2, open={"4711": 0}, rejected=30_000, name=name, legal_entity=entity
            ),
        )
    await office.follow()

    both = (await office.get("/v1/recovery-tasks"))["items"]
    (second,) = (await office.get("/v1/recovery-tasks", legal_entity="DE02"))["items"]
    assert [task["legal_entity"] for task in both] == ["DE01", "DE02"]
    assert (second["legal_entity"], second["invoice_id"], second["amount"]["amount"]) == ("DE02", "4711", "300.00")


async def test_ageing_has_a_row_for_each_legal_entity_and_a_customer_spans_them(office: Office) -> None:
    await office.accepted(
        of("DE01", total="1000.00"),
        of("DE02", total="300.00"),
        pays("P-1", amount="50.00", legal_entity="DE02"),
        pays("P-2", amount="7.00"),
    )
    await office.hear(dispute_event("dispute-opened", version=1, open={"4711": 10_000}, legal_entity="DE02"))
    await office.follow()

    def shown(ageing: dict[str, Any]) -> list[tuple[str, str, str, str, int]]:
        return [
            (r["group"], r["open"]["amount"], r["disputed"]["amount"], r["unapplied"]["amount"], r["disputes"])
            for r in ageing["rows"]
        ]

    rows = [
        ("", "0.00", "0.00", "-7.00", 0),
        ("DE01", "1000.00", "0.00", "0.00", 0),
        ("DE02", "300.00", "100.00", "-50.00", 1),
    ]
    assert shown(await office.get("/v1/ageing", as_of="2026-03-31", group_by="legal_entity")) == rows
    of_one = await office.get("/v1/ageing", as_of="2026-03-31", group_by="legal_entity", legal_entity="DE02")
    assert shown(of_one) == rows[2:]
    of_customer = await office.get("/v1/ageing", as_of="2026-03-31", customer_id="C-1", legal_entity="DE01")
    assert shown(of_customer) == [("total", "1000.00", "0.00", "0.00", 0)]
    (position,) = (await office.get("/v1/customers/C-1"))["positions"]
    assert (position["open"]["amount"], position["balance"]["amount"]) == ("1300.00", "1243.00")
