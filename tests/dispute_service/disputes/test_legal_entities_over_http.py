"""Whose invoice a dispute means, where two legal entities use one number."""

from typing import Any

from support.dispute_api import Company, Office, money, opening
from support.ledger_events import LedgerInvoice


def item(entity: str | None = None, amount: str = "200.00", invoice_id: str = "INV-1") -> dict[str, Any]:
    named = {} if entity is None else {"legal_entity": entity}
    return {"invoice_id": invoice_id, "amount": money(amount), **named}


async def both_are_known(office: Office, company: Company) -> LedgerInvoice:
    """INV-1 of DE01 and of DE02; the second one."""
    second = LedgerInvoice(company.tenant, legal_entity="DE02", first_entity="DE01", total="500.00", open="500.00")
    await office.take(LedgerInvoice(company.tenant).registered(), second.registered())
    return second


async def test_a_number_alone_is_answered_with_those_who_have_it(office: Office, company: Company) -> None:
    await both_are_known(office, company)

    answer = await company.post("/v1/disputes", opening(item()))

    assert answer.status_code == 409
    problem = answer.json()
    assert (problem["code"], problem["legal_entities"]) == ("ambiguous_invoice", ["DE01", "DE02"])
    assert problem["errors"][0]["pointer"] == "#/items/0/legal_entity"
    assert problem["errors"][0]["allowed"] == ["DE01", "DE02"]


async def test_each_entitys_invoice_has_its_own_bound_and_the_answer_tells_whose_it_is(
    office: Office, company: Company
) -> None:
    await both_are_known(office, company)
    first = await company.open(items=[item("DE01", "900.00")])

    second = await company.open(items=[item("DE02", "500.00")])
    too_much = await company.post("/v1/disputes", opening(item("DE02", "0.01")))

    assert [(each["legal_entity"], each["items"][0]["legal_entity"]) for each in (first, second)] == [
        ("DE01", "DE01"),
        ("DE02", "DE02"),
    ]
    assert too_much.json()["code"] == "already_disputed"


async def test_items_of_two_entities_are_two_disputes(office: Office, company: Company) -> None:
    await both_are_known(office, company)

    answer = await company.post("/v1/disputes", opening(item("DE01"), item("DE02", invoice_id="INV-2")))

    assert answer.status_code == 422
    problem = answer.json()
    assert (problem["code"], problem["legal_entities"]) == ("items_of_two_entities", ["DE01", "DE02"])
    assert problem["errors"][0]["pointer"] == "#/items/1/legal_entity"


async def test_disputes_are_listed_by_entity(office: Office, company: Company) -> None:
    await both_are_known(office, company)
    await company.open(items=[item("DE01")])
    second = await company.open(items=[item("DE02")])

    listed = (await company.get("/v1/disputes", legal_entity="DE02")).json()["items"]

    assert [each["dispute_id"] for each in listed] == [second["dispute_id"]]


async def test_a_posting_of_one_entity_reaches_its_own_dispute_only(office: Office, company: Company) -> None:
    second = await both_are_known(office, company)
    first_dispute = await company.open(items=[item("DE01")])
    second_dispute = await company.open(items=[item("DE02")])

    await office.take(second.paid("500.00", leaves="0.00"))

    statuses = [
        (await company.get(f"/v1/disputes/{each['dispute_id']}")).json()["status"]
        for each in (first_dispute, second_dispute)
    ]
    assert statuses == ["open", "resolved"]


async def test_a_dispute_that_names_an_entity_learns_of_that_entitys_invoice(office: Office, company: Company) -> None:
    dispute = await company.open(items=[item("DE02", "700.00")])
    assert (dispute["legal_entity"], dispute["items"][0]["known"]) == ("DE02", False)

    await office.take(LedgerInvoice(company.tenant).registered())
    path = f"/v1/disputes/{dispute['dispute_id']}"
    assert (await company.get(path)).json()["items"][0]["known"] is False

    second = LedgerInvoice(company.tenant, legal_entity="DE02", first_entity="DE01", total="500.00", open="500.00")
    await office.take(second.registered())

    (now,) = (await company.get(path)).json()["items"]
    assert (now["known"], now["open"], now["reduced"]) == (True, money("500.00"), money("200.00"))
