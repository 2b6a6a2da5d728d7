"""The simulated company: what an ERP would post and people would type, the same for the same day."""

from collections import Counter
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from collections_service.short_payments.tolerance import SHORT_PAYMENT_TOLERANCE
from dispute_service.reasons.catalogue import REASON_BY_CODE
from redress.policy.decisions import read_document
from redress_local.demo_company import CUSTOMERS, simulated_company

TODAY = date(2026, 11, 23)


def _name(invoice: dict[str, Any]) -> tuple[str, str]:
    return invoice["legal_entity"], invoice["invoice_id"]


def test_the_same_day_gives_the_same_company() -> None:
    assert simulated_company(TODAY) == simulated_company(TODAY)


def test_customers_contest_for_every_reason_in_both_currencies_and_languages() -> None:
    company = simulated_company(TODAY)
    assert {case.opening["reason_code"] for case in company.cases} == set(REASON_BY_CODE)
    assert {case.opening["items"][0]["amount"]["currency"] for case in company.cases} == {"EUR", "USD"}
    assert {case.opening["contact"]["language"] for case in company.cases} == {"de", "en"}
    assert {case.ends_as for case in company.cases} == {
        "open",
        "assigned",
        "investigating",
        "awaiting_customer",
        "settling",
        "resolved",
        "closed",
        "withdrawn",
    }


def test_nothing_happens_today_or_later_and_nothing_before_its_cause() -> None:
    company = simulated_company(TODAY)
    issued = {_name(m): m["issued_on"] for m in company.business if m["kind"] == "invoice-posted"}
    for message in (*company.business, *company.afterwards):
        happened = message.get("received_on") or message["issued_on"]
        assert happened < TODAY.isoformat()
        for part in message.get("allocations", message.get("applies_to", [])):
            assert issued[message["legal_entity"], part["invoice_id"]] <= happened
    for case in company.cases:
        instants = [case.opening["effective_at"], *(step.body["effective_at"] for step in case.steps)]
        assert instants == sorted(instants)
        assert datetime.fromisoformat(instants[-1]).date() < TODAY
        number = case.opening["items"][0]["invoice_id"]
        assert [day < instants[0][:10] for (_, known), day in issued.items() if known == number] == [True]


def test_disputes_wait_for_a_write_off_and_for_credit_memos_of_which_one_is_overdue() -> None:
    """The built-in terms are ten working days: 40 days ago is long over, two weeks ago may be."""
    settling = [case for case in simulated_company(TODAY).cases if case.ends_as == "settling"]
    resolved = [(case.steps[-1].body["resolution_code"], case.steps[-1].body["effective_at"][:10]) for case in settling]
    assert sorted(resolved) == [
        ("CREDIT_FULL", "2026-10-19"),
        ("CREDIT_FULL", "2026-11-16"),
        ("WRITE_OFF_SMALL", "2026-11-17"),
    ]


def test_its_policies_are_acceptable_and_count_from_today_on() -> None:
    (policy,) = simulated_company(TODAY).policies
    assert (policy.service, policy.name) == ("collections", SHORT_PAYMENT_TOLERANCE.name)
    assert read_document(SHORT_PAYMENT_TOLERANCE, policy.draft["document"]).at_least == Decimal(25)
    assert policy.draft["effective_from"] == TODAY.isoformat()
    assert policy.draft["scope"] in {f"customer:{customer.id}" for customer in CUSTOMERS}


def test_no_invoice_is_contested_twice_or_paid_more_than_it_is() -> None:
    company = simulated_company(TODAY)
    contested = [case.opening["items"][0]["invoice_id"] for case in company.cases]
    contested += [case.invoice_id for case in company.short_payments]
    assert max(Counter(contested).values()) == 1
    open_amount = {_name(m): Decimal(m["total"]) for m in company.business if m["kind"] == "invoice-posted"}
    for message in (*company.business, *company.afterwards):
        for part in message.get("allocations", message.get("applies_to", [])):
            open_amount[message["legal_entity"], part["invoice_id"]] -= Decimal(part["amount"])
    assert min(open_amount.values()) >= 0
    short = {case.invoice_id for case in company.short_payments}
    assert [left >= 5 for (_, number), left in open_amount.items() if number in short] == [True] * len(short)


def test_two_legal_entities_have_one_number_in_common_and_nobody_speaks_of_it_without_an_entity() -> None:
    company = simulated_company(TODAY)
    numbers = Counter(m["invoice_id"] for m in company.business if m["kind"] == "invoice-posted")
    ((number, times),) = numbers.most_common(1)
    assert times == 2
    assert numbers.total() == len(numbers) + 1
    assert {m["legal_entity"] for m in company.business if m.get("invoice_id") == number} == {"DE01", "US01"}
    assert number not in {case.opening["items"][0]["invoice_id"] for case in company.cases}
    assert all("legal_entity" in message for message in (*company.business, *company.afterwards))


def test_there_are_early_late_and_short_payers_and_a_year_of_invoices() -> None:
    company = simulated_company(TODAY)
    invoices = [m for m in company.business if m["kind"] == "invoice-posted"]
    assert 200 <= len(invoices) <= 400
    assert min(m["issued_on"] for m in invoices) < "2026-01-01"
    assert {m["customer"]["id"] for m in invoices} == {customer.id for customer in CUSTOMERS}
    assert len(company.short_payments) >= 8
    assert min(customer.pays_after for customer in CUSTOMERS) < 0 < max(customer.pays_after for customer in CUSTOMERS)


def test_every_short_payer_says_so_and_an_instalment_is_called_one() -> None:
    company = simulated_company(TODAY)
    payments = [m for m in company.business if m["kind"] == "payment-received"]
    total = {_name(m): Decimal(m["total"]) for m in company.business if m["kind"] == "invoice-posted"}
    terms = {_name(m): m for m in company.business if m.get("discount_days")}
    said: Counter[str] = Counter()
    for payment in payments:
        (part,) = payment["allocations"]
        name = payment["legal_entity"], part["invoice_id"]
        missing = total[name] - Decimal(part["amount"])
        if part.get("settles_in_full") is False:
            said["instalment"] += 1
        elif name in terms:
            invoice = terms[name]
            days = date.fromisoformat(payment["received_on"]) - date.fromisoformat(invoice["issued_on"])
            assert days.days <= invoice["discount_days"]
            assert missing == (Decimal(invoice["total"]) / 50).quantize(Decimal("0.01"), ROUND_HALF_UP)
            said["discount"] += 1
        elif missing:
            assert payment.get("remittance_reason") or payment.get("claim_number") or part.get("settles_in_full")
            said["deduction"] += 1
    assert said["deduction"] == len(company.short_payments)
    assert min(said["instalment"], said["discount"]) >= 5


def test_the_company_can_be_simulated_on_any_day() -> None:
    for day in (date(2026, 1, 1), date(2028, 2, 29), date(2027, 12, 31)):
        company = simulated_company(day)
        assert all(case.opening["effective_at"][:10] < day.isoformat() for case in company.cases)
