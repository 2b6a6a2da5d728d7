"""Rows 36 to 38: messages of the ERP come five times, in any order, and months late."""

import asyncio
import itertools
import random

from support.eventually import eventually

from faults.client import Client, a_payment, an_invoice
from faults.deployment import Deployment

SOON_S = 30.0


async def balance(company: Client) -> str:
    customer = await company.get("collections", "/v1/customers/C-1", role="collector")
    amounts = {each["currency"]: each["open"]["amount"] for each in customer["positions"]}
    return str(amounts.get("EUR"))


async def test_row_36_every_message_five_times_in_parallel_counts_once(company: Client) -> None:
    items = [an_invoice(company.tenant, f"I-{number}", "100.00") for number in range(10)]
    items += [a_payment(f"P-{number}", {f"I-{number}": "60.00"}, "60.00") for number in range(10)]
    results = await asyncio.gather(*(company.erp(*items) for _ in range(5)))
    for item in range(20):
        told = {each[item] for each in results}
        assert told <= {"accepted", "duplicate", "waiting"}, told

    async def settled() -> bool:
        assert await balance(company) == "400.00"
        return True

    await eventually(settled, SOON_S)
    assert await company.erp(*items) == ["duplicate"] * 20


async def test_row_37_messages_in_any_order_end_in_the_same_books(company: Client) -> None:
    """Invoice, payment of it, reversal of that payment, and a credit memo: every order of arrival, one invoice each."""
    expected: dict[str, str] = {}
    messages = []
    for number, order in enumerate(itertools.permutations(range(4))):
        invoice, payment = f"I-{number}", f"P-{number}"
        story = [
            an_invoice(company.tenant, invoice, "100.00"),
            a_payment(payment, {invoice: "30.00"}, "30.00"),
            {
                "kind": "payment-reversed",
                "source": "erp",
                "source_event_id": f"reversal {payment}",
                "payment_id": payment,
                "reversed_on": "2026-11-12",
            },
            {
                "kind": "credit-memo-posted",
                "source": "erp",
                "source_event_id": f"memo {invoice}",
                "legal_entity": "DE01",
                "credit_memo_id": f"CM-{number}",
                "customer_id": "C-1",
                "issued_on": "2026-11-13",
                "currency": "EUR",
                "applies_to": [{"invoice_id": invoice, "amount": "20.00"}],
            },
        ]
        messages.append([story[position] for position in order])
        expected[invoice] = "80.00"
    chance = random.Random(37)
    queues = [list(story) for story in messages]
    while any(queues):
        batch = [queue.pop(0) for queue in queues if queue and chance.random() < 0.7]
        if batch:
            assert set(await company.erp(*batch)) <= {"accepted", "waiting"}

    async def settled() -> bool:
        for invoice, open_ in expected.items():
            found = await company.get("collections", f"/v1/invoices/{invoice}", role="collector")
            assert found["open"]["amount"] == open_, (invoice, found["open"])
        return True

    await eventually(settled, SOON_S)


async def test_row_38_a_message_that_is_ninety_days_late_changes_what_was_true_and_not_what_was_known(
    deployment: Deployment, company: Client
) -> None:
    await company.erp(an_invoice(company.tenant, "I-1", "100.00", issued_on="2026-05-04", due_on="2026-06-03"))
    await deployment.comes_to_rest()
    async with deployment.database("collections") as connection:
        before = await connection.fetchval("SELECT clock_timestamp()")
    late = a_payment("P-1", {"I-1": "100.00"}, "100.00", received_on="2026-08-20")
    assert await company.erp(late) == ["accepted"]
    await deployment.comes_to_rest()

    async def total(**moment: str) -> str:
        ageing = await company.get("collections", "/v1/ageing", role="collector", group_by="total", **moment)
        return "0.00" if not ageing["rows"] else str(ageing["rows"][0]["balance"]["amount"])

    assert await total(as_of="2026-08-19") == "100.00"
    assert await total(as_of="2026-08-31") == "0.00"
    assert await total(as_of="2026-08-31", known_at=before.isoformat()) == "100.00"
