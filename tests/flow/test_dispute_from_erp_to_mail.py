"""One dispute from the ERP's door to the customer's mail, over Kafka and over the feed: the same, test for test."""

from datetime import UTC, datetime, timedelta
from typing import Any

from support.company import Company
from support.eventually import eventually

TODAY = datetime.now(UTC).date()  # noqa: TID251 - the stack runs on the real clock
SOON_S = 15.0


def days(count: int) -> str:
    return (TODAY + timedelta(days=count)).isoformat()


def an_invoice(invoice_id: str, total: str, customer: str = "C-100", **more: Any) -> dict[str, Any]:
    return {
        "kind": "invoice-posted",
        "source": "erp-1",
        "source_event_id": f"posted-{invoice_id}",
        "legal_entity": "DE01",
        "customer": {"id": customer, "name": "Muster GmbH", "email": "kreditoren@muster.example", "language": "de"},
        "invoice_id": invoice_id,
        "issued_on": days(-40),
        "due_on": days(-10),
        "currency": "EUR",
        "total": total,
        **more,
    }


def a_payment(
    payment_id: str, amount: str, allocations: dict[str, str], customer: str = "C-100", **more: Any
) -> dict[str, Any]:
    return {
        "kind": "payment-received",
        "source": "erp-1",
        "source_event_id": f"received-{payment_id}",
        "payment_id": payment_id,
        "customer_id": customer,
        "received_on": days(-1),
        "currency": "EUR",
        "amount": amount,
        "allocations": [{"invoice_id": invoice, "amount": part} for invoice, part in allocations.items()],
        **more,
    }


def a_credit_memo(credit_memo_id: str, invoice: str, amount: str, customer: str = "C-100") -> dict[str, Any]:
    return {
        "kind": "credit-memo-posted",
        "source": "erp-1",
        "source_event_id": f"memo-{credit_memo_id}",
        "legal_entity": "DE01",
        "customer": {"id": customer, "name": "Muster GmbH"},
        "credit_memo_id": credit_memo_id,
        "issued_on": days(0),
        "currency": "EUR",
        "total": amount,
        "applies_to": [{"invoice_id": invoice, "amount": amount}],
    }


def a_dispute(invoice: str, amount: str, email: str = "erika@muster.example", **more: Any) -> dict[str, Any]:
    return {
        "customer_id": "C-100",
        "items": [{"invoice_id": invoice, "amount": {"amount": amount, "currency": "EUR"}}],
        "reason_code": "PRICE",
        "description": "Der vereinbarte Preis war niedriger, sagt Frau Kanarienvogel.",
        "origin": "email",
        "contact": {"name": "Erika Mustermann", "email": email, "language": "de"},
        **more,
    }


def eur(amount: str) -> dict[str, str]:
    return {"amount": amount, "currency": "EUR"}


async def dispute_is(company: Company, dispute: str, status: str) -> dict[str, Any]:
    async def now() -> dict[str, Any]:
        found: dict[str, Any] = await company.get("dispute", f"/v1/disputes/{dispute}")
        assert found["status"] == status
        return found

    return await eventually(now, SOON_S)


async def owes(company: Company, amount: str, *, disputed: str, undisputed: str) -> None:
    """In euro. A position is a read model of its own and may be a moment behind the holds."""

    async def now() -> bool:
        position = await company.get("collections", "/v1/customers/C-100", "collector")
        told = [(row["open"], row["disputed"], row["undisputed"]) for row in position["positions"]]
        assert told == [(eur(amount), eur(disputed), eur(undisputed))]
        return True

    await eventually(now, SOON_S)


async def test_a_dispute_is_opened_decided_credited_and_settled(company: Company) -> None:
    assert await company.erp(an_invoice("INV-1", "1000.00")) == ["accepted"]
    email = f"erika@{company.tenant[:40].strip('-')}.example"

    opened = await company.post("dispute", "/v1/disputes", a_dispute("INV-1", "300.00", email), "analyst", expect=201)
    dispute = opened.json()["dispute_id"]
    assert opened.json()["status"] == "open"
    assert opened.headers["ETag"] == '"1"'
    assert opened.headers["Location"].endswith(dispute)

    # Only the disputed part is held.
    async def held() -> bool:
        return await company.holds("C-100") == {"INV-1": "300.00"}

    await eventually(held, SOON_S)

    await owes(company, "1000.00", disputed="300.00", undisputed="700.00")

    # The customer is told, in German, in one mail.
    async def acknowledged() -> bool:
        return len(company.mails(email)) == 1

    await eventually(acknowledged, SOON_S)
    mail = company.mails(email)[0]
    assert dispute in mail["Subject"]
    plain = mail.get_body(("plain",))
    assert plain is not None
    text = plain.get_content()
    assert "300,00" in text
    assert "Sehr geehrte" in text or "Guten Tag" in text

    assigned = await company.command(dispute, "assign", {})
    assert assigned["status"] == "assigned"
    assert assigned["team"] == "Pricing"

    decided = await company.command(
        dispute,
        "decide",
        {
            "valid": eur("100.00"),
            "invalid": eur("200.00"),
            "root_cause": "price maintenance",
            "rationale": "Preisliste",
        },
    )
    assert decided["status"] == "decided"
    resolving = await company.command(dispute, "resolve", {"resolution_code": "CREDIT_PARTIAL"})
    assert resolving["status"] == "settling"

    # The invalid part is collected again; the credited part stays held until the ERP's credit memo.
    async def handed_back() -> bool:
        return await company.holds("C-100") == {"INV-1": "100.00"}

    await eventually(handed_back, SOON_S)

    async def to_collect_again() -> bool:
        tasks = await company.get("collections", "/v1/recovery-tasks", "collector", customer_id="C-100")
        return [task["amount"]["amount"] for task in tasks["items"]] == ["200.00"]

    await eventually(to_collect_again, SOON_S)

    async def told_the_outcome() -> bool:
        return len(company.mails(email)) == 2

    await eventually(told_the_outcome, SOON_S)
    assert company.mails(email)[1]["References"] or company.mails(email)[1]["In-Reply-To"]

    assert await company.erp(a_credit_memo("CM-1", "INV-1", "100.00")) == ["accepted"]
    await dispute_is(company, dispute, "resolved")

    async def nothing_held() -> bool:
        return await company.holds("C-100") == {}

    await eventually(nothing_held, SOON_S)

    # Any past state can be asked for. The invoice may have become known before the dispute was opened, or after it.
    events = (await company.get("dispute", f"/v1/disputes/{dispute}/events"))["items"]
    first = {event["type"]: event for event in reversed(events)}
    for kind, status in (
        ("dispute-opened", "open"),
        ("dispute-assigned", "assigned"),
        ("dispute-decided", "decided"),
        ("dispute-resolved", "settling"),
    ):
        past = await company.get("dispute", f"/v1/disputes/{dispute}", version=first[kind]["version"])
        assert (past["version"], past["status"]) == (first[kind]["version"], status)
    known_at = first["dispute-assigned"]["recorded_at"]
    before_the_decision = await company.get("dispute", f"/v1/disputes/{dispute}", known_at=known_at)
    assert before_the_decision["status"] == "assigned"

    async def listed_as_known_then() -> bool:
        page = await company.get("dispute", "/v1/disputes", known_at=known_at, status="assigned")
        return [item["dispute_id"] for item in page["items"]] == [dispute]

    await eventually(listed_as_known_then, SOON_S)


async def test_a_short_payment_opens_a_dispute_routed_by_the_matrix_and_a_full_payment_ends_it(
    company: Company,
) -> None:
    assert await company.erp(
        an_invoice("INV-2", "500.00"), a_payment("P-1", "450.00", {"INV-2": "450.00"}, remittance_reason="freight")
    ) == ["accepted", "accepted"]

    async def opened() -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = (await company.get("dispute", "/v1/disputes", customer_id="C-100"))["items"]
        return found

    (dispute,) = await eventually(opened, SOON_S)
    found = await dispute_is(company, dispute["dispute_id"], "assigned")
    assert found["origin"] == "short_pay"
    assert found["open"] == eur("50.00")

    assert await company.erp(a_payment("P-2", "50.00", {"INV-2": "50.00"})) == ["accepted"]
    resolved = await dispute_is(company, dispute["dispute_id"], "resolved")
    assert resolved["resolution_code"] == "CUSTOMER_PAID"


async def test_a_payment_before_its_invoice_waits_and_a_duplicate_does_nothing(company: Company) -> None:
    assert await company.erp(a_payment("P-9", "80.00", {"INV-9": "80.00"})) == ["waiting"]
    assert await company.erp(an_invoice("INV-9", "80.00")) == ["accepted"]

    async def paid() -> bool:
        invoice = await company.get("collections", "/v1/invoices/INV-9", "collector")
        return bool(invoice["open"] == eur("0.00"))

    await eventually(paid, SOON_S)
    assert await company.erp(an_invoice("INV-9", "80.00"), a_payment("P-9", "80.00", {"INV-9": "80.00"})) == [
        "duplicate",
        "duplicate",
    ]

    async def nothing_is_owed() -> bool:
        ageing = await company.get("collections", "/v1/ageing", "collector")
        return all(row["balance"]["amount"] == "0.00" for row in ageing["rows"])

    await eventually(nothing_is_owed, SOON_S)


async def test_no_personal_text_leaves_a_service_unsealed(company: Company) -> None:
    await company.erp(an_invoice("INV-3", "10.00"))
    email = "kanarienvogel@muster.example"
    await company.post("dispute", "/v1/disputes", a_dispute("INV-3", "10.00", email), "analyst", expect=201)

    async def mailed() -> bool:
        return len(company.mails(email)) == 1

    await eventually(mailed, SOON_S)
    for service in ("dispute", "collections", "notification"):
        feed = await company.client.get(
            company.urls[service] + "/v1/feed", params={"limit": 1000}, headers=company._auth("auditor")
        )
        assert feed.status_code == 200
        assert "anarienvogel" not in feed.text
        assert "Mustermann" not in feed.text
    for log in set((company.data / "logs").glob("*.log")) - {company.data / "logs" / "mail-sink.log"}:
        assert b"anarienvogel" not in log.read_bytes(), log


async def test_one_company_never_sees_another(company: Company) -> None:
    await company.erp(an_invoice("INV-4", "10.00"))
    opened = await company.post("dispute", "/v1/disputes", a_dispute("INV-4", "10.00"), "analyst", expect=201)
    dispute = opened.json()["dispute_id"]
    stranger = company.of("stranger")
    stranger.tokens.clear()
    for service, path in (
        ("dispute", f"/v1/disputes/{dispute}"),
        ("dispute", f"/v1/disputes/{dispute}/events"),
        ("collections", "/v1/invoices/INV-4"),
        ("collections", "/v1/customers/C-100"),
    ):
        answer = await stranger.client.get(stranger.urls[service] + path, headers=stranger._auth("auditor"))
        assert answer.status_code == 404, path
    assert (await stranger.get("dispute", "/v1/disputes"))["items"] == []
