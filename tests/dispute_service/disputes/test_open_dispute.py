import asyncio

from support.dispute_api import Company, Office, money, opening
from support.ledger_events import LedgerInvoice

from redress.ids import parse_public_id


async def test_an_opened_dispute_is_there_with_its_address_version_and_actions(company: Company) -> None:
    answer = await company.post("/v1/disputes", opening())
    assert answer.status_code == 201, answer.text
    body = answer.json()
    assert answer.headers["etag"] == '"1"'
    assert answer.headers["location"] == f"/v1/disputes/{body['dispute_id']}"
    assert body["dispute_id"].startswith("dsp_")
    assert body["status"] == "open"
    assert body["open"] == money("200.00")
    assert body["allowed_actions"][:2] == ["classify", "assign"]
    assert body["sla"]["due_at"] == "2026-03-11T12:00:00Z"
    read = await company.get(answer.headers["location"])
    assert read.headers["etag"] == '"1"'
    assert read.json() == {**body, "description": None, "contact": None, "rationale": None, "withheld": {}}


async def test_the_same_key_gives_the_same_answer_and_one_dispute(company: Company) -> None:
    first = await company.post("/v1/disputes", opening(), Idempotency_Key="k-1")
    again = await company.post("/v1/disputes", opening(), Idempotency_Key="k-1")
    assert again.status_code == 201
    assert again.content == first.content
    assert again.headers["idempotent-replayed"] == "true"
    assert again.headers["etag"] == '"1"'
    assert again.headers["location"] == first.headers["location"]
    assert len((await company.get("/v1/disputes")).json()["items"]) == 1


async def test_fifteen_disputes_of_one_invoice_opened_at_the_same_moment_are_all_opened(company: Company) -> None:
    lines = [{"invoice_id": "INV-1", "line": str(line), "amount": money("1.00")} for line in range(15)]
    answers = await asyncio.gather(*(company.post("/v1/disputes", opening(line)) for line in lines))
    assert [answer.status_code for answer in answers] == [201] * 15


async def test_the_same_key_for_another_request_is_refused(company: Company) -> None:
    await company.post("/v1/disputes", opening(), Idempotency_Key="k-1")
    other = await company.post("/v1/disputes", opening(reason_code="TAX"), Idempotency_Key="k-1")
    assert other.status_code == 422
    assert other.json()["code"] == "idempotency_key_reused"


async def test_every_wrong_place_is_named_with_what_is_allowed(company: Company) -> None:
    body = opening(
        {"invoice_id": "INV-1", "amount": {"amount": "1.234", "currency": "EUR"}},
        reason_code="COLOUR",
        surprise=1,
    )
    answer = await company.post("/v1/disputes", body)
    assert answer.status_code == 422
    problem = answer.json()
    found = {error["pointer"]: error["detail"] for error in problem["errors"]}
    assert set(found) == {"#/items/0/amount", "#/reason_code", "#/surprise"}
    assert "more decimals than EUR allows" in found["#/items/0/amount"]
    assert "PRICE" in found["#/reason_code"]


async def test_a_refusal_of_the_core_points_into_the_body(company: Company) -> None:
    body = opening(
        {"invoice_id": "INV-1", "amount": money("1.00")},
        {"invoice_id": "INV-2", "amount": money("1.00", "USD")},
    )
    problem = (await company.post("/v1/disputes", body)).json()
    assert problem["code"] == "items_not_acceptable"
    assert problem["errors"][0]["pointer"] == "#/items/1/amount/currency"
    assert problem["errors"][0]["allowed"] == "EUR"


async def test_what_has_not_happened_yet_is_not_recorded(company: Company) -> None:
    problem = (await company.post("/v1/disputes", opening(effective_at="2026-03-04T12:00:01Z"))).json()
    assert problem["code"] == "effective_in_future"
    assert problem["errors"][0]["pointer"] == "#/effective_at"


async def test_personal_text_is_sealed_and_shown_only_to_those_who_work_with_it(
    company: Company, office: Office
) -> None:
    contact = {"name": "Erika Muster", "email": "erika@kunde.example", "language": "de"}
    opened = await company.open(description="Der Preis war anders vereinbart.", contact=contact)
    assert "Muster" not in str(opened)
    (event,) = await office.log.read_stream(company.tenant, parse_public_id("dsp", opened["dispute_id"]))
    assert b"Muster" not in event.payload
    assert b"vereinbart" not in event.payload
    shown = (await company.get(f"/v1/disputes/{opened['dispute_id']}")).json()
    assert shown["contact"] == contact
    assert shown["description"] == "Der Preis war anders vereinbart."
    administrator = company.as_("admin")
    hidden = (await administrator.get(f"/v1/disputes/{opened['dispute_id']}")).json()
    assert hidden["contact"] == {"name": None, "email": None, "language": "de"}
    assert hidden["withheld"] == {
        "description": "not-permitted",
        "contact_name": "not-permitted",
        "contact_email": "not-permitted",
    }


async def test_another_companys_dispute_does_not_exist(office: Office, company: Company) -> None:
    opened = await company.open()
    stranger = office.company()
    path = f"/v1/disputes/{opened['dispute_id']}"
    for answer in (
        await stranger.get(path),
        await stranger.get(f"{path}/events"),
        await stranger.get(f"{path}/diff", **{"from": 1, "to": 1}),
        await stranger.command(opened, "withdraw", {"reason": "x"}),
    ):
        assert answer.status_code == 404, answer.text
    assert (await stranger.get("/v1/disputes")).json()["items"] == []


async def test_an_amount_that_is_disputed_already_is_refused_once_the_invoice_is_known(
    office: Office, company: Company
) -> None:
    await office.take(LedgerInvoice(company.tenant, total="500.00", open="500.00").registered())

    first = await company.open()
    assert first["legal_entity"] == "DE01"
    assert first["items"][0]["known"] is True
    more = await company.post("/v1/disputes", opening({"invoice_id": "INV-1", "amount": money("300.01")}))
    assert more.status_code == 409
    problem = more.json()
    assert problem["code"] == "already_disputed"
    assert problem["free"] == money("300.00")
    assert problem["errors"][0]["pointer"] == "#/items/0/amount"
    too_much = await company.post("/v1/disputes", opening({"invoice_id": "INV-1", "amount": money("500.01")}))
    assert too_much.status_code == 422
    assert too_much.json()["code"] == "exceeds_open_amount"
    other = await company.post("/v1/disputes", opening(customer_id="C-2"))
    assert other.json()["code"] == "customer_mismatch"
    assert other.json()["errors"][0]["pointer"] == "#/customer_id"


async def test_a_number_of_70_characters_is_disputed_as_the_erp_wrote_it(office: Office, company: Company) -> None:
    number = "RE-" + "7" * 67
    await office.take(LedgerInvoice(company.tenant, invoice_id=number).registered())
    opened = await company.post("/v1/disputes", opening({"invoice_id": number, "amount": money("1.00")}))
    assert opened.status_code == 201, opened.text
    assert opened.json()["items"][0]["known"] is True
    found = (await company.get("/v1/disputes", invoice_id=number)).json()["items"]
    assert [one["dispute_id"] for one in found] == [opened.json()["dispute_id"]]


async def test_white_space_around_a_number_is_refused_and_never_stripped(company: Company) -> None:
    body = opening({"invoice_id": "I7 ", "line": " 1", "amount": money("1.00")}, customer_id="K" * 101)
    problem = (await company.post("/v1/disputes", body)).json()
    allowed = "1 to 100 characters, no control characters, no white space at either end"
    assert {(error["pointer"], error["detail"], error["allowed"]) for error in problem["errors"]} == {
        ("#/items/0/invoice_id", "has white space at its beginning or end", allowed),
        ("#/items/0/line", "has white space at its beginning or end", allowed),
        ("#/customer_id", "has 101 characters", allowed),
    }
