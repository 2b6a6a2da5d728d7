"""Postings of the ledger, from the published event to the dispute that people see."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime
from typing import Any

import pytest
from support.dispute_api import Company, Office, money, opening
from support.ledger_events import LedgerInvoice

from dispute_service.disputable_invoices.stream import invoice_stream

Tell = Callable[..., Awaitable[None]]


@pytest.fixture
def tell(office: Office) -> Tell:
    """Tells the service facts of the ledger, as its worker does."""
    return office.take


@pytest.fixture
def invoice(company: Company) -> LedgerInvoice:
    return LedgerInvoice(company.tenant)


async def _read(company: Company, dispute: dict[str, Any]) -> dict[str, Any]:
    shown: dict[str, Any] = (await company.get(f"/v1/disputes/{dispute['dispute_id']}")).json()
    return shown


async def test_a_full_payment_ends_a_dispute_as_paid_by_the_customer(
    company: Company, tell: Tell, invoice: LedgerInvoice
) -> None:
    await tell(invoice.registered())
    dispute = await company.open()
    await tell(invoice.paid("1000.00", leaves="0.00"))
    now = await _read(company, dispute)
    assert now["status"] == "resolved"
    assert now["resolution"] == {"code": "CUSTOMER_PAID", "at": "2026-03-04T12:00:00Z", "spread": None}
    assert now["items"][0]["paid"] == money("200.00")
    entries = (await company.get(f"/v1/disputes/{dispute['dispute_id']}/events")).json()["items"]
    assert entries[-1]["actor"]["id"] == "dispute-service/contested-invoices"
    assert entries[-1]["correlation_id"] == "corr-1"


async def test_the_undisputed_part_is_paid_first(company: Company, tell: Tell, invoice: LedgerInvoice) -> None:
    await tell(invoice.registered())
    dispute = await company.open()
    await tell(invoice.paid("800.00", leaves="200.00"))
    assert (await _read(company, dispute))["open"] == money("200.00")
    await tell(invoice.paid("50.00", leaves="150.00", payment_id="P-2"))
    assert (await _read(company, dispute))["open"] == money("150.00")


async def test_a_fact_that_comes_twice_counts_once(company: Company, tell: Tell, invoice: LedgerInvoice) -> None:
    registered, paid = invoice.registered(), invoice.paid("900.00", leaves="100.00")
    dispute = await company.open()
    await tell(registered, paid)
    version = (await _read(company, dispute))["version"]
    await tell(registered, paid)
    await tell(paid)
    now = await _read(company, dispute)
    assert (now["version"], now["open"]) == (version, money("100.00"))


async def test_a_dispute_of_an_unknown_invoice_learns_of_it(
    company: Company, tell: Tell, invoice: LedgerInvoice
) -> None:
    dispute = await company.open()
    assert dispute["items"][0]["known"] is False
    await tell(invoice.registered())
    now = await _read(company, dispute)
    assert (now["items"][0]["known"], now["legal_entity"]) == (True, "DE01")


async def test_a_dispute_over_more_than_the_invoice_shrinks_to_it(company: Company, tell: Tell) -> None:
    dispute = await company.open(items=[{"invoice_id": "INV-1", "amount": money("1500.00")}])
    await tell(LedgerInvoice(company.tenant).registered())
    now = await _read(company, dispute)
    assert now["open"] == money("1000.00")


async def test_an_awaited_credit_memo_settles(company: Company, tell: Tell, invoice: LedgerInvoice) -> None:
    await tell(invoice.registered())
    resolved = await company.done(await company.open(), "resolve", {"resolution_code": "CREDIT_FULL"})
    assert resolved["status"] == "settling"
    await tell(invoice.credited("200.00", leaves="800.00"))
    now = await _read(company, resolved)
    assert (now["status"], now["items"][0]["credited"]) == ("resolved", money("200.00"))
    assert now["allowed_actions"] == ["add-note", "close"]


async def test_a_credit_memo_serves_the_dispute_that_it_names(
    company: Company, tell: Tell, invoice: LedgerInvoice
) -> None:
    await tell(invoice.registered())
    older, named = await company.open(), await company.open()
    await tell(invoice.credited("200.00", leaves="800.00", dispute_id=named["dispute_id"]))
    now = await _read(company, named)
    assert (now["status"], now["resolution_code"]) == ("resolved", "CREDIT_FULL")
    assert (await _read(company, older))["open"] == money("200.00")


async def test_a_dispute_that_the_erp_does_not_know_is_left_with_its_reason(
    company: Company, tell: Tell, invoice: LedgerInvoice, office: Office
) -> None:
    await tell(invoice.registered())
    dispute = await company.open()
    await tell(invoice.credited("200.00", leaves="800.00", dispute_id="dsp_00000000000000000000000000"))
    assert (await _read(company, dispute))["status"] == "resolved"
    events = await office.log.read_stream(company.tenant, invoice_stream(company.tenant, "INV-1"))
    (left,) = [event for event in events if event.type == "named-dispute-left"]
    assert b"There is no dispute dsp_00000000000000000000000000." in left.payload


async def test_an_invoice_that_is_smaller_shows_as_reduced_and_not_as_credited(
    company: Company, tell: Tell, invoice: LedgerInvoice
) -> None:
    dispute = await company.open(items=[{"invoice_id": "INV-1", "amount": money("1500.00")}])
    await tell(invoice.registered())
    now = await _read(company, dispute)
    (item,) = now["items"]
    assert (item["reduced"], item["credited"], item["open"]) == (money("500.00"), money("0.00"), money("1000.00"))
    diff = await company.get(f"/v1/disputes/{dispute['dispute_id']}/diff", **{"from": 1, "to": now["version"]})
    changes = {change["path"]: (change["before"], change["after"]) for change in diff.json()["changes"]}
    assert changes["/items/0/reduced/amount"] == ("0.00", "500.00")


async def test_a_dispute_of_somebody_elses_invoice_shows_its_mismatch_and_counts_in_no_limit(
    company: Company, tell: Tell, invoice: LedgerInvoice
) -> None:
    wrong = await company.open(customer_id="C-2", items=[{"invoice_id": "INV-1", "amount": money("900.00")}])
    await tell(invoice.registered())
    now = await _read(company, wrong)
    assert (now["items"][0]["mismatch"], now["status"], now["open"]) == ("customer", "open", money("900.00"))
    assert (await company.open(items=[{"invoice_id": "INV-1", "amount": money("1000.00")}]))["status"] == "open"
    await tell(invoice.paid("1000.00", leaves="0.00"), invoice.reversed("1000.00", leaves="1000.00"))
    assert (await _read(company, wrong))["open"] == money("900.00")


async def test_a_payment_that_comes_back_to_a_smaller_line_is_taken(company: Company, tell: Tell) -> None:
    invoice = LedgerInvoice(company.tenant, lines={"1": "300.00", "2": "700.00"})
    await tell(invoice.registered())
    dispute = await company.open(items=[{"invoice_id": "INV-1", "line": "1", "amount": money("300.00")}])
    await tell(invoice.paid("1000.00", leaves="0.00"))
    invoice.lines = {"1": "200.00", "2": "800.00"}
    await tell(invoice.corrected(total="1000.00", open_="0.00"), invoice.reversed("1000.00", leaves="1000.00"))
    now = await _read(company, dispute)
    assert (now["open"], now["items"][0]["reduced"]) == (money("200.00"), money("100.00"))


async def test_a_reversed_payment_reopens_what_it_had_ended(
    company: Company, tell: Tell, invoice: LedgerInvoice
) -> None:
    await tell(invoice.registered())
    dispute = await company.open()
    await tell(invoice.paid("1000.00", leaves="0.00"))
    await tell(invoice.reversed("1000.00", leaves="1000.00"))
    now = await _read(company, dispute)
    assert (now["status"], now["open"], now["reopen_reason"]) == (
        "investigating",
        money("200.00"),
        "Payment P-1 was reversed.",
    )
    again = await company.post("/v1/disputes", opening({"invoice_id": "INV-1", "amount": money("800.01")}))
    assert again.json()["code"] == "already_disputed"


async def test_a_short_payment_opens_a_dispute_and_the_matrix_assigns_it(
    company: Company, tell: Tell, invoice: LedgerInvoice
) -> None:
    await tell(
        invoice.registered(), invoice.paid("900.00", leaves="100.00"), invoice.short_paid("100.00", "Skonto 10%")
    )
    (dispute,) = (await company.get("/v1/disputes")).json()["items"]
    assert dispute["origin"] == "short_pay"
    assert dispute["reason_code"] == "TERMS"
    assert dispute["external_reason"] == "Skonto 10%"
    assert (dispute["status"], dispute["team"]) == ("assigned", "Credit")
    assert dispute["open"] == money("100.00")
    assert dispute["opened_at"] == "2026-03-04T00:00:00Z"


async def test_a_short_payment_of_what_is_contested_already_opens_nothing_and_says_why(
    company: Company, tell: Tell, invoice: LedgerInvoice, office: Office
) -> None:
    await tell(invoice.registered())
    await company.open(items=[{"invoice_id": "INV-1", "amount": money("100.00")}])
    await tell(invoice.paid("900.00", leaves="100.00"), invoice.short_paid("100.00"))
    assert len((await company.get("/v1/disputes")).json()["items"]) == 1
    events = await office.log.read_stream(company.tenant, invoice_stream(company.tenant, "INV-1"))
    assert events[-1].type == "short-payment-left"
    assert b"disputes hold all that is open" in events[-1].payload


async def _short_paid(company: Company) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await company.get("/v1/disputes")).json()["items"]
    return [dispute for dispute in found if dispute["origin"] == "short_pay"]


async def test_a_deduction_shows_the_number_that_the_payer_gave_it(
    company: Company, tell: Tell, invoice: LedgerInvoice
) -> None:
    await tell(
        invoice.registered(),
        invoice.paid("900.00", leaves="100.00"),
        invoice.short_paid("100.00", claim="CL-2026-7"),
    )
    (dispute,) = (await company.get("/v1/disputes", q="cl-2026-7")).json()["items"]
    assert (dispute["claim_number"], dispute["reason_code"]) == ("CL-2026-7", "UNIDENTIFIED")


async def test_the_promise_counts_from_the_detection_and_the_books_from_the_value_date(
    company: Company, tell: Tell, invoice: LedgerInvoice
) -> None:
    """Value Friday, posted Monday: a dispute with eight working hours is not born breached."""
    invoice.recorded_at = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
    friday = date(2026, 2, 27)
    await tell(
        invoice.registered(),
        invoice.paid("900.00", leaves="100.00", on=friday),
        invoice.short_paid("100.00", on=friday),
    )
    (dispute,) = await _short_paid(company)
    assert dispute["opened_at"] == "2026-02-27T00:00:00Z"
    assert dispute["sla_due_at"] == "2026-03-03T09:00:00Z"
    assert dispute["sla"]["computed_from"]["start"] == "2026-03-02T09:00:00Z"


async def test_a_value_date_in_the_future_does_not_date_the_dispute_into_the_future(
    company: Company, tell: Tell, invoice: LedgerInvoice
) -> None:
    later = date(2027, 3, 1)
    await tell(
        invoice.registered(),
        invoice.paid("900.00", leaves="100.00", on=later),
        invoice.short_paid("100.00", on=later),
    )
    (dispute,) = await _short_paid(company)
    assert dispute["opened_at"] == "2026-03-04T13:00:00Z"
    assert dispute["sla_due_at"] == "2026-03-05T13:00:00Z"


async def test_a_payment_with_a_value_date_after_the_due_date_ends_a_dispute_today_and_breaks_no_promise(
    company: Company, tell: Tell, invoice: LedgerInvoice
) -> None:
    await tell(invoice.registered())
    dispute = await company.open()
    await tell(invoice.paid("1000.00", leaves="0.00", on=date(2027, 3, 1)))
    now = await _read(company, dispute)
    assert (now["status"], now["sla_breached"]) == ("resolved", False)
    assert now["resolution"] == {"code": "CUSTOMER_PAID", "at": "2026-03-04T13:00:00Z", "spread": None}


async def test_short_payments_of_one_number_from_two_erps_open_two_disputes(
    company: Company, tell: Tell, invoice: LedgerInvoice
) -> None:
    await tell(
        invoice.registered(),
        invoice.paid("300.00", leaves="700.00", payment_id="8"),
        invoice.short_paid("200.00", "damaged", "8"),
    )
    invoice.source = "navision"
    await tell(
        invoice.paid("100.00", leaves="600.00", payment_id="8"),
        invoice.short_paid("400.00", "freight", "8"),
    )
    assert sorted((d["reason_code"], d["open"]["amount"]) for d in await _short_paid(company)) == [
        ("DAMAGED", "200.00"),
        ("FREIGHT", "400.00"),
    ]


async def test_a_reversal_gives_back_what_the_payment_of_its_own_erp_took(
    company: Company, tell: Tell, invoice: LedgerInvoice
) -> None:
    await tell(invoice.registered())
    dispute = await company.open(items=[{"invoice_id": "INV-1", "amount": money("300.00")}])
    await tell(invoice.paid("700.00", leaves="300.00", payment_id="7"))
    invoice.source = "navision"
    await tell(invoice.paid("300.00", leaves="0.00", payment_id="7"))
    assert (await _read(company, dispute))["status"] == "resolved"
    invoice.source = "sap"
    await tell(invoice.reversed("700.00", leaves="700.00", payment_id="7"))
    now = await _read(company, dispute)
    assert (now["status"], now["items"][0]["paid"]) == ("resolved", money("300.00"))


async def test_a_dispute_that_only_a_short_payment_made_ends_when_that_comes_back(
    company: Company, tell: Tell, invoice: LedgerInvoice
) -> None:
    await tell(invoice.registered(), invoice.paid("600.00", leaves="400.00"), invoice.short_paid("400.00", "price"))
    (dispute,) = await _short_paid(company)
    reported = await company.open(items=[{"invoice_id": "INV-2", "amount": money("50.00")}])
    await tell(invoice.reversed("600.00", leaves="1000.00"))
    now = await _read(company, dispute)
    assert (now["status"], now["resolution_code"], now["open"]) == ("resolved", "PAYMENT_RETURNED", money("0.00"))
    assert now["items"][0]["withdrawn"] == money("400.00")
    assert (await _read(company, reported))["status"] == "open"
    entries = (await company.get(f"/v1/disputes/{dispute['dispute_id']}/events")).json()["items"]
    assert [entry["type"] for entry in entries[-2:]] == ["payment-reversed", "dispute-resolved"]


async def test_a_dispute_that_only_a_short_payment_made_ends_when_the_erp_takes_the_payment_off(
    company: Company, tell: Tell, invoice: LedgerInvoice
) -> None:
    await tell(invoice.registered(), invoice.paid("600.00", leaves="400.00"), invoice.short_paid("400.00", "price"))
    (dispute,) = await _short_paid(company)
    await tell(invoice.unapplied("600.00", leaves="1000.00", still="0.00"))
    now = await _read(company, dispute)
    assert (now["status"], now["resolution_code"], now["open"]) == ("resolved", "PAYMENT_RETURNED", money("0.00"))


async def test_a_dispute_that_a_short_payment_made_goes_on_while_a_part_of_the_payment_is_left(
    company: Company, tell: Tell, invoice: LedgerInvoice
) -> None:
    await tell(invoice.registered(), invoice.paid("600.00", leaves="400.00"), invoice.short_paid("400.00", "price"))
    (dispute,) = await _short_paid(company)
    await tell(invoice.reversed("100.00", leaves="500.00", still="500.00"))
    now = await _read(company, dispute)
    assert (now["status"], now["open"]) == ("assigned", money("400.00"))
    await tell(invoice.reversed("500.00", leaves="1000.00", still="0.00"))
    assert (await _read(company, dispute))["resolution_code"] == "PAYMENT_RETURNED"


async def test_a_short_payment_that_is_applied_anew_after_it_came_back_opens_another_dispute(
    company: Company, tell: Tell, invoice: LedgerInvoice
) -> None:
    short = [invoice.registered(), invoice.paid("600.00", leaves="400.00"), invoice.short_paid("400.00", "price")]
    await tell(*short, invoice.reversed("600.00", leaves="1000.00"))
    await tell(invoice.paid("600.00", leaves="400.00"), invoice.short_paid("400.00", "price"))
    assert sorted((d["status"], d["open"]["amount"]) for d in await _short_paid(company)) == [
        ("assigned", "400.00"),
        ("resolved", "0.00"),
    ]


async def test_a_decided_dispute_stays_when_the_payment_that_made_it_comes_back(
    company: Company, tell: Tell, invoice: LedgerInvoice
) -> None:
    await tell(invoice.registered(), invoice.paid("600.00", leaves="400.00"), invoice.short_paid("400.00", "price"))
    (dispute,) = await _short_paid(company)
    resolved = await company.done(dispute, "resolve", {"resolution_code": "CREDIT_FULL"})
    await tell(invoice.reversed("600.00", leaves="1000.00"))
    now = await _read(company, resolved)
    assert (now["status"], now["awaiting_credit"]) == ("settling", money("400.00"))


async def test_a_discount_moves_what_can_be_contested(company: Company, tell: Tell, invoice: LedgerInvoice) -> None:
    await tell(invoice.registered(), invoice.paid("980.00", leaves="20.00"), invoice.discounted("20.00", leaves="0.00"))
    body = opening({"invoice_id": "INV-1", "amount": money("1000.01")})
    assert (await company.post("/v1/disputes", body)).json()["code"] == "exceeds_paid_amount"
    await tell(invoice.reversed("980.00", leaves="980.00"), invoice.discount_withdrawn("20.00", leaves="1000.00"))
    opened = await company.post("/v1/disputes", opening({"invoice_id": "INV-1", "amount": money("1000.00")}))
    assert opened.status_code == 201


async def test_a_whole_batch_about_one_invoice_is_taken_in_order(
    company: Company, tell: Tell, invoice: LedgerInvoice
) -> None:
    registered = invoice.registered()
    paid = [invoice.paid("10.00", leaves=f"{1000 - n * 10}.00", payment_id=f"P-{n}") for n in range(1, 31)]
    dispute = await company.open(items=[{"invoice_id": "INV-1", "amount": money("900.00")}])
    await tell(registered, *paid)
    now = await _read(company, dispute)
    assert now["open"] == money("700.00")


async def test_facts_of_many_invoices_and_companies_are_taken_together(office: Office, tell: Tell) -> None:
    companies = [office.company() for _ in range(3)]
    facts = []
    for each in companies:
        for number in range(30):
            known = LedgerInvoice(each.tenant, invoice_id=f"INV-{number}")
            facts += [known.registered(), known.paid("1.00", leaves="999.00")]
    await tell(*facts)
    for each in companies:
        too_much = await each.post("/v1/disputes", opening({"invoice_id": "INV-29", "amount": money("999.01")}))
        assert too_much.json()["open"] == money("999.00")


async def test_people_and_the_ledger_at_the_same_time_lose_nothing(
    company: Company, tell: Tell, invoice: LedgerInvoice, office: Office
) -> None:
    """A person notes while payments arrive: whoever comes second decides anew, and nobody is blocked for ever."""
    await tell(invoice.registered())
    dispute = await company.open(items=[{"invoice_id": "INV-1", "amount": money("900.00")}])

    async def pay() -> None:
        for number in range(1, 11):
            await tell(invoice.paid("50.00", leaves=f"{1000 - number * 50}.00", payment_id=f"P-{number}"))

    async def note() -> int:
        taken = 0
        for _ in range(10):
            now = await _read(company, dispute)
            answer = await company.command(now, "add-note", {"text": "x"})
            assert answer.status_code in {200, 412}, answer.text
            taken += answer.status_code == 200
        return taken

    _, noted = await asyncio.gather(pay(), note())
    now = await _read(company, dispute)
    assert now["open"] == money("500.00")
    entries = (await company.get(f"/v1/disputes/{dispute['dispute_id']}/events")).json()["items"]
    assert sum(entry["type"] == "note-added" for entry in entries) == noted


async def test_of_two_people_who_contest_the_same_amount_at_once_one_is_refused(
    company: Company, tell: Tell, invoice: LedgerInvoice
) -> None:
    await tell(invoice.registered())
    body = opening({"invoice_id": "INV-1", "amount": money("600.00")})
    answers = await asyncio.gather(*(company.post("/v1/disputes", body) for _ in range(5)))
    codes = sorted(answer.status_code for answer in answers)
    assert codes == [201, 409, 409, 409, 409], [answer.text for answer in answers]


async def test_a_payment_that_is_taken_off_the_invoice_gives_back_what_it_took(
    company: Company, tell: Tell, invoice: LedgerInvoice
) -> None:
    await tell(invoice.registered())
    dispute = await company.open()
    await tell(invoice.paid("1000.00", leaves="0.00"))
    await tell(invoice.unapplied("1000.00", leaves="1000.00"))
    now = await _read(company, dispute)
    assert (now["status"], now["open"], now["reopen_reason"]) == (
        "investigating",
        money("200.00"),
        "Payment P-1 was taken off the invoice.",
    )


async def test_a_part_that_comes_back_gives_back_what_the_payment_took_from_disputes_first(
    company: Company, tell: Tell, invoice: LedgerInvoice
) -> None:
    """The payment took what nobody contested first; what it took last comes back first."""
    await tell(invoice.registered())
    dispute = await company.open()
    await tell(invoice.paid("900.00", leaves="100.00"))
    await tell(invoice.reversed("30.00", leaves="130.00"))
    assert (await _read(company, dispute))["open"] == money("130.00")


async def test_a_granted_credit_is_awaited_again_when_its_memo_is_reversed(
    company: Company, tell: Tell, invoice: LedgerInvoice
) -> None:
    await tell(invoice.registered())
    resolved = await company.done(await company.open(), "resolve", {"resolution_code": "CREDIT_FULL"})
    await tell(invoice.credited("200.00", leaves="800.00"))
    await tell(invoice.credit_reversed("200.00", leaves="1000.00"))
    now = await _read(company, resolved)
    assert (now["status"], now["open"], now["items"][0]["awaiting_credit"]) == (
        "settling",
        money("200.00"),
        money("200.00"),
    )
    await tell(invoice.credited("200.00", leaves="800.00"))
    assert (await _read(company, resolved))["status"] == "resolved"


async def test_a_write_off_takes_what_nobody_contests_first_and_is_no_credit(
    company: Company, tell: Tell, invoice: LedgerInvoice
) -> None:
    await tell(invoice.registered())
    dispute = await company.open()
    await tell(invoice.written_off("850.00", leaves="150.00"))
    now = await _read(company, dispute)
    assert (now["open"], now["items"][0]["written_off"], now["items"][0]["credited"]) == (
        money("150.00"),
        money("50.00"),
        money("0.00"),
    )
    await tell(invoice.written_off("150.00", leaves="0.00"))
    assert (await _read(company, dispute))["resolution"]["code"] == "WRITE_OFF_BAD_DEBT"


async def test_a_dispute_of_a_paid_invoice_is_a_claim_that_a_refund_answers(
    company: Company, tell: Tell, invoice: LedgerInvoice
) -> None:
    await tell(invoice.registered(), invoice.paid("1000.00", leaves="0.00"))
    claim = await company.open()
    assert (claim["open"], claim["items"][0]["claimed_back"]) == (money("200.00"), money("200.00"))
    too_much = await company.post("/v1/disputes", opening({"invoice_id": "INV-1", "amount": money("800.01")}))
    assert (too_much.status_code, too_much.json()["code"]) == (422, "exceeds_paid_amount")
    assert too_much.json()["errors"][0]["allowed"] == "up to 800.00 EUR"

    refused = await company.command(claim, "resolve", {"resolution_code": "CUSTOMER_PAID"})
    assert refused.json()["code"] == "claim_is_paid", refused.text
    granted = await company.done(claim, "resolve", {"resolution_code": "REFUND"})
    assert (granted["status"], granted["awaiting_credit"]) == ("settling", money("200.00"))

    await tell(invoice.refunded("200.00", None))
    assert (await _read(company, claim))["status"] == "settling", "a refund that names nobody answers nobody"
    named = invoice.refunded("200.00", claim["dispute_id"])
    await tell(named)
    await tell(named)
    now = await _read(company, claim)
    assert (now["status"], now["open"], now["items"][0]["credited"]) == ("resolved", money("0.00"), money("200.00"))


async def test_a_payment_under_protest_leaves_the_dispute_as_it_is(
    company: Company, tell: Tell, invoice: LedgerInvoice
) -> None:
    await tell(invoice.registered())
    dispute = await company.open()
    await tell(invoice.paid("1000.00", leaves="0.00", under_protest=True))
    now = await _read(company, dispute)
    assert (now["status"], now["open"], now["items"][0]["claimed_back"]) == ("open", money("200.00"), money("200.00"))
    denied = await company.done(now, "resolve", {"resolution_code": "REJECTED_COLLECT"})
    (one,) = denied["items"]
    assert (denied["status"], one["paid"], one["denied"], one["rejected"]) == (
        "resolved",
        money("200.00"),
        money("200.00"),
        money("0.00"),
    )
    again = await company.done(denied, "reopen", {"reason": "new evidence"})
    assert again["items"][0]["claimed_back"] == money("200.00")


async def test_a_dispute_of_who_owed_the_invoice_before_is_a_mismatch(
    company: Company, tell: Tell, invoice: LedgerInvoice
) -> None:
    await tell(invoice.registered())
    dispute = await company.open()
    await tell(invoice.moved("C-2"))
    now = await _read(company, dispute)
    assert (now["status"], now["items"][0]["mismatch"]) == ("open", "customer")


async def test_nothing_is_contested_of_a_cancelled_invoice(
    company: Company, tell: Tell, invoice: LedgerInvoice
) -> None:
    await tell(invoice.registered())
    dispute = await company.open()
    await tell(invoice.cancelled())
    assert (await _read(company, dispute))["open"] == money("0.00")
    again = await company.post("/v1/disputes", opening({"invoice_id": "INV-1", "amount": money("0.01")}))
    assert again.json()["code"] == "exceeds_open_amount"


async def test_an_event_of_a_later_release_tells_at_least_what_is_open(
    company: Company, tell: Tell, invoice: LedgerInvoice
) -> None:
    await tell(invoice.registered())
    dispute = await company.open()
    await tell(invoice.of_a_later_release(leaves="120.00"))
    assert (await _read(company, dispute))["open"] == money("120.00")
