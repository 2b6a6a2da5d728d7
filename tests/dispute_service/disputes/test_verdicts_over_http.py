"""Verdicts and credits per item, as the API takes and shows them."""

from typing import Any

from support.dispute_api import Company, Office, money, opening
from support.ledger_events import LedgerInvoice

WORDS = {"root_cause": "PRICE_MAINTENANCE", "rationale": "The contract names the price of A1 only."}
A1_RIGHT = {"item": 0, "valid": money("100.00"), "invalid": money("0.00")}
B1_WRONG = {"invoice_id": "B1", "valid": money("0.00"), "invalid": money("200.00")}


async def _two_invoices(company: Company) -> dict[str, Any]:
    items = (
        {"invoice_id": "A1", "amount": money("100.00")},
        {"invoice_id": "B1", "amount": money("200.00")},
    )
    opened = await company.post("/v1/disputes", opening(*items))
    assert opened.status_code == 201, opened.text
    dispute: dict[str, Any] = opened.json()
    return dispute


async def test_a_verdict_per_item_is_shown_as_it_was_stated(company: Company) -> None:
    opened = await _two_invoices(company)
    decided = await company.done(opened, "decide", {"items": [B1_WRONG, A1_RIGHT], **WORDS})
    assert decided["decision"] == {
        "valid": money("100.00"),
        "invalid": money("200.00"),
        "root_cause": "PRICE_MAINTENANCE",
        "items": [
            {"item": 0, "valid": money("100.00"), "invalid": money("0.00")},
            {"item": 1, "valid": money("0.00"), "invalid": money("200.00")},
        ],
        "spread": "stated",
    }
    resolved = await company.done(decided, "resolve", {"resolution_code": "CREDIT_PARTIAL"})
    assert [(one["awaiting_credit"], one["rejected"]) for one in resolved["items"]] == [
        (money("100.00"), money("0.00")),
        (money("0.00"), money("200.00")),
    ]
    assert resolved["resolution"]["spread"] == "decided"


async def test_a_verdict_in_total_says_how_it_was_spread(company: Company) -> None:
    opened = await _two_invoices(company)
    totals = {"valid": money("100.00"), "invalid": money("200.00")}
    decided = await company.done(opened, "decide", {**totals, **WORDS})
    assert decided["decision"]["spread"] == "proportional"
    assert [part["valid"] for part in decided["decision"]["items"]] == [money("33.33"), money("66.67")]


async def test_credits_per_item_are_taken_as_stated(company: Company) -> None:
    opened = await _two_invoices(company)
    stated = [
        {"invoice_id": "A1", "credited": money("0.00")},
        {"invoice_id": "B1", "credited": money("50.00")},
    ]
    resolved = await company.done(opened, "resolve", {"resolution_code": "GOODWILL", "items": stated})
    assert [one["awaiting_credit"] for one in resolved["items"]] == [money("0.00"), money("50.00")]
    assert resolved["resolution"]["spread"] == "stated"


async def test_a_wrong_place_among_the_items_is_named_with_what_is_allowed(company: Company) -> None:
    opened = await _two_invoices(company)
    too_much = {**B1_WRONG, "invalid": money("200.01")}
    refused = await company.command(opened, "decide", {"items": [A1_RIGHT, too_much], **WORDS})
    assert refused.status_code == 422
    problem = refused.json()
    assert problem["code"] == "item_amounts_not_acceptable"
    assert problem["errors"] == [
        {
            "pointer": "#/items/1/invalid",
            "detail": "200.01 EUR is not possible: 200.00 EUR is open there.",
            "allowed": "zero up to 200.00 EUR",
        }
    ]
    unnamed = await company.command(opened, "decide", {"items": [{**A1_RIGHT, "invoice_id": "A1"}, B1_WRONG], **WORDS})
    (error,) = unnamed.json()["errors"]
    assert error["pointer"] == "#/items/0"
    assert error["detail"] == "names an item by its position (item) or by invoice_id, with line where it has one"
    nothing = await company.command(opened, "decide", WORDS)
    assert nothing.json()["code"] == "verdict_not_stated"
    assert nothing.json()["errors"][0]["allowed"] == "valid and invalid, or items"


async def test_a_hundred_items_are_judged_and_not_one_more(company: Company) -> None:
    lines = [{"invoice_id": "A1", "line": str(line), "amount": money("1.00")} for line in range(100)]
    opened = (await company.post("/v1/disputes", opening(*lines))).json()
    judged = [
        {"item": item, "valid": money("1.00" if item % 2 else "0.00"), "invalid": money("0.00" if item % 2 else "1.00")}
        for item in range(100)
    ]
    decided = await company.done(opened, "decide", {"items": judged, **WORDS})
    assert (decided["decision"]["valid"], decided["decision"]["invalid"]) == (money("50.00"), money("50.00"))
    more = await company.command(decided, "decide", {"items": [*judged, judged[0]], **WORDS})
    assert more.status_code == 422
    assert more.json()["errors"][0]["pointer"] == "#/items"


async def test_who_read_the_dispute_before_a_payment_reads_it_again(office: Office, company: Company) -> None:
    invoice = LedgerInvoice(company.tenant, invoice_id="B1", total="200.00", open="200.00")
    await office.take(invoice.registered())
    opened = await _two_invoices(company)
    await office.take(invoice.paid("200.00", leaves="0.00"))
    stale = await company.command(opened, "decide", {"items": [A1_RIGHT, B1_WRONG], **WORDS})
    assert stale.status_code == 412
    now = (await company.get(f"/v1/disputes/{opened['dispute_id']}")).json()
    gone = await company.command(now, "decide", {"items": [A1_RIGHT, B1_WRONG], **WORDS})
    assert gone.json()["errors"][0]["pointer"] == "#/items/1/invoice_id"
    await company.done(now, "decide", {"items": [A1_RIGHT], **WORDS})


async def test_a_resolution_with_another_amount_is_refused_and_the_same_one_is_there(company: Company) -> None:
    opened = await company.open()
    credit = {"resolution_code": "CREDIT_PARTIAL", "credited": money("100.00"), "rationale": "As agreed by phone."}
    settling = await company.done(opened, "resolve", credit)
    assert await company.done(settling, "resolve", credit) == settling
    more = await company.command(settling, "resolve", {**credit, "credited": money("150.00")})
    assert more.status_code == 409
    assert more.json()["allowed_actions"] == ["add-note", "reopen", "settle", "escalate"]
    other_words = await company.command(settling, "resolve", {**credit, "rationale": "As agreed by mail."})
    assert other_words.status_code == 409


async def test_a_decision_repeated_word_for_word_is_there_and_with_other_words_it_is_recorded(
    company: Company,
) -> None:
    opened = await _two_invoices(company)
    decision = {"items": [A1_RIGHT, B1_WRONG], **WORDS}
    decided = await company.done(opened, "decide", decision)
    assert (await company.done(decided, "decide", decision))["version"] == 2
    again = await company.done(decided, "decide", {**decision, "rationale": "The contract was amended."})
    assert again["version"] == 3
    shown = (await company.get(f"/v1/disputes/{opened['dispute_id']}")).json()
    assert shown["rationale"] == "The contract was amended."
