"""What the ERP posts after invoices and receipts have come: through the door, in the books of every day, published."""

from typing import Any

import pytest
from support.collections_office import Office, about, credit_memo, dispute_event, invoice, payment, results, reversal


def part(invoice_id: str, amount: str | None = None) -> dict[str, str]:
    return {"invoice_id": invoice_id} if amount is None else {"invoice_id": invoice_id, "amount": amount}


def applied(name: str = "A-1", on: str = "2026-03-01", **fields: object) -> dict[str, Any]:
    fields = {"payment_id": "P-1", "currency": "EUR", "allocations": [part("INV-1", "300.00")], **fields}
    return about("receipt-applied", name, applied_on=on, **fields)


def taken_off(name: str = "U-1", on: str = "2026-03-10", **fields: object) -> dict[str, Any]:
    fields = {"payment_id": "P-1", "currency": "EUR", "allocations": [part("INV-1")], **fields}
    return about("receipt-unapplied", name, unapplied_on=on, **fields)


def written_off(name: str = "W-1", amount: str = "10.00", **fields: object) -> dict[str, Any]:
    fields = {
        "invoice_id": "INV-1",
        "currency": "EUR",
        "write_off_kind": "small_difference",
        "posted_on": "2026-03-05",
        **fields,
    }
    return about("write-off-posted", name, write_off_id=name, amount=amount, **fields)


def write_off_back(name: str = "WR-1", **fields: object) -> dict[str, Any]:
    fields = {"write_off_id": "W-1", "invoice_id": "INV-1", "reversed_on": "2026-03-12", **fields}
    return about("write-off-reversed", name, **fields)


def refunded(amount: str, **fields: object) -> dict[str, Any]:
    fields = {"payment_id": "P-1", "currency": "EUR", "refunded_on": "2026-03-15", **fields}
    return about("refund-posted", amount, refund_id="F-1", amount=amount, **fields)


def cancelled(invoice_id: str = "INV-1", **fields: object) -> dict[str, Any]:
    return about("invoice-cancelled", invoice_id, invoice_id=invoice_id, cancelled_on="2026-03-20", **fields)


def memo_reversed(**fields: object) -> dict[str, Any]:
    return about("credit-memo-reversed", "CM-1", credit_memo_id="CM-1", reversed_on="2026-03-12", **fields)


async def balance(office: Office, **moment: Any) -> tuple[str, str, str]:
    """Open, unapplied and their sum, as the customer's page says."""
    await office.follow()
    page = await office.get("/v1/customers/C-1", **moment)
    if not page["positions"]:
        return "0.00", "0.00", "0.00"
    (position,) = page["positions"]
    return position["open"]["amount"], position["unapplied"]["amount"], position["balance"]["amount"]


async def test_an_earlier_receipt_is_applied_and_taken_off_on_its_days(office: Office) -> None:
    await office.accepted(invoice(), payment(amount="300.00", pays={}))
    assert await balance(office) == ("1000.00", "-300.00", "700.00")

    await office.accepted(applied())
    assert await balance(office) == ("700.00", "0.00", "700.00")
    assert await balance(office, as_of="2026-02-28") == ("1000.00", "-300.00", "700.00")

    await office.accepted(taken_off())
    assert await balance(office) == ("1000.00", "-300.00", "700.00")
    assert await balance(office, as_of="2026-03-09") == ("700.00", "0.00", "700.00")
    shown = (await office.get("/v1/invoices/INV-1"))["payments"][0]
    assert (shown["amount"]["amount"], shown["gone"]["amount"], shown["returned"]) == ("300.00", "300.00", True)


async def test_a_credit_on_account_is_applied_refunded_and_cancelled(office: Office) -> None:
    await office.accepted(invoice(), credit_memo(applies_to=[], total="300.00"))
    await office.accepted(applied(payment_id=None, credit_memo_id="CM-1", allocations=[part("INV-1", "100.00")]))
    assert await balance(office) == ("900.00", "-200.00", "700.00")

    await office.accepted(refunded("50.00", payment_id=None, credit_memo_id="CM-1"))
    assert await balance(office) == ("900.00", "-150.00", "750.00")

    await office.accepted(memo_reversed(amount="200.00", currency="EUR"))
    assert await balance(office) == ("950.00", "0.00", "950.00")


async def test_a_write_off_and_a_cancellation_reduce_what_is_open_from_their_day(office: Office) -> None:
    await office.accepted(invoice(), invoice("INV-2", total="50.00"), written_off(), cancelled("INV-2"))

    assert await balance(office) == ("990.00", "0.00", "990.00")
    assert await balance(office, as_of="2026-03-04") == ("1050.00", "0.00", "1050.00")
    first, second = await office.get("/v1/invoices/INV-1"), await office.get("/v1/invoices/INV-2")
    assert [(each["write_off_id"], each["kind"]) for each in first["write_offs"]] == [("W-1", "small_difference")]
    assert (second["cancelled_on"], second["total"]["amount"], second["open"]["amount"]) == (
        "2026-03-20",
        "50.00",
        "0.00",
    )


async def test_a_write_off_is_taken_back_on_its_day(office: Office) -> None:
    back = write_off_back(reversal_id="WR-1", amount="4.00", currency="EUR")
    await office.accepted(invoice(), written_off(), back)

    assert await balance(office) == ("994.00", "0.00", "994.00")
    assert await balance(office, as_of="2026-03-11") == ("990.00", "0.00", "990.00")
    (shown,) = (await office.get("/v1/invoices/INV-1"))["write_offs"]
    assert (shown["amount"]["amount"], shown["gone"]["amount"]) == ("10.00", "4.00")

    again, other, more, unknown, no_currency = await office.erp(
        write_off_back("WR-1 again", reversal_id="WR-1", amount="4.00", currency="EUR"),
        write_off_back("WR-1 other", reversal_id="WR-1", amount="3.00", currency="EUR"),
        write_off_back("WR-2", amount="6.01", currency="EUR"),
        write_off_back("WR-3", write_off_id="W-9"),
        write_off_back("WR-4", amount="1.00"),
    )
    assert (again["result"], again["code"]) == ("duplicate", "already_so")
    assert [(each["result"], each["code"], each["pointer"]) for each in (other, more, unknown, no_currency)] == [
        ("rejected", "write_off_reversal_differs", "/1/reversal_id"),
        ("rejected", "reversal_exceeds_write_off", "/2/amount"),
        ("rejected", "write_off_not_known", "/3/write_off_id"),
        ("rejected", "invalid_message", "/4/currency"),
    ]


async def test_a_payment_under_protest_leaves_nothing_open_and_nothing_held(office: Office) -> None:
    await office.accepted(invoice(), invoice("INV-2"))
    await office.hear(dispute_event("dispute-opened", version=1, open={"INV-1": 30_000}))
    pays = [{"invoice_id": "INV-1", "amount": "1000.00", "under_protest": True}]
    await office.accepted(payment(allocations=pays), payment("P-2", pays={"INV-2": "1000.00"}, under_protest=True))

    shown = await office.get("/v1/invoices/INV-1")
    assert (shown["open"]["amount"], shown["disputed"]["amount"]) == ("0.00", "0.00")
    assert shown["payments"][0]["under_protest"] is True
    assert (await office.get("/v1/invoices/INV-2"))["payments"][0]["under_protest"] is True
    told = [event for event in await office.told() if event["type"] == "payment-applied"]
    assert [(event["under_protest"], event["invoice"]["paid"]["amount"]) for event in told] == [
        (True, "1000.00"),
        (True, "1000.00"),
    ]


async def test_a_credit_on_account_says_whose_claim_it_answers(office: Office) -> None:
    await office.accepted(invoice(), payment())
    named = "dsp_00000000000000000000000001"
    memo = credit_memo(applies_to=[{"invoice_id": "INV-1", "amount": "300.00"}], total="400.00", dispute=named)
    await office.accepted(memo, refunded("50.00", payment_id=None, credit_memo_id="CM-1", dispute=named))

    credit, refund = (
        event for event in await office.told() if event["type"] in {"credit-on-account-posted", "refund-posted"}
    )
    assert credit["meant_for"] == [
        {"invoice_id": "INV-1", "dispute_id": named, "amount": {"amount": "300.00", "currency": "EUR"}},
        {"invoice_id": None, "dispute_id": named, "amount": {"amount": "100.00", "currency": "EUR"}},
    ]
    assert (refund["dispute_id"], refund["source"], refund["unapplied"]["amount"]) == (named, "sap", "350.00")


async def test_a_cheque_is_presented_again_and_told_again_it_is_refused(office: Office) -> None:
    await office.accepted(invoice(), payment(), reversal())

    (stale,) = await office.erp(payment(source_event_id="told again"))
    assert (stale["result"], stale["code"]) == ("rejected", "receipt_moved_on")

    await office.accepted(payment(source_event_id="presented again", received_on="2026-02-27"))
    assert await balance(office) == ("0.00", "0.00", "0.00")


async def test_what_comes_before_its_receipt_or_invoice_waits_for_it(office: Office) -> None:
    waiting = await office.erp(
        applied(payment_id=None, credit_memo_id="CM-1"), memo_reversed(), written_off(), cancelled("INV-9")
    )
    assert [(item["result"], item["waits_for"]) for item in waiting] == [
        ("waiting", "credit memo sap CM-1"),
        ("waiting", "credit memo sap CM-1"),
        ("waiting", "invoice INV-1"),
        ("waiting", "invoice INV-9"),
    ]

    await office.accepted(invoice(), invoice("INV-9", total="5.00"), credit_memo(applies_to=[], total="300.00"))

    # The memo is applied and then cancelled as a whole; 10.00 are written off.
    assert await balance(office) == ("990.00", "0.00", "990.00")


async def test_every_kind_told_again_is_so_already_and_with_other_content_it_is_refused(office: Office) -> None:
    await office.accepted(invoice(), invoice("INV-2", total="5.00"), payment(amount="400.00", pays={}))
    first = [
        applied(application_id="A-1"),
        taken_off(application_id="U-1"),
        refunded("50.00"),
        written_off(),
        reversal(reversal_id="R-1", amount="20.00", currency="EUR"),
        cancelled("INV-2"),
    ]
    await office.accepted(*first)

    again = await office.erp(*({**message, "source_event_id": f"again {n}"} for n, message in enumerate(first)))
    assert [(item["result"], item["code"]) for item in again] == [("duplicate", "already_so")] * 6

    other = await office.erp(
        applied(application_id="A-1", source_event_id="o-1", allocations=[part("INV-1", "200.00")]),
        taken_off(application_id="U-1", source_event_id="o-2", on="2026-03-11"),
        {**refunded("60.00"), "source_event_id": "o-3"},
        written_off(amount="11.00", source_event_id="o-4"),
        reversal(reversal_id="R-1", amount="30.00", currency="EUR", source_event_id="o-5"),
    )
    assert [item["code"] for item in other] == [*["step_differs"] * 3, "write_off_differs", "step_differs"]


@pytest.mark.parametrize(
    ("message", "code", "pointer"),
    [
        (applied(allocations=[]), "invalid_message", "/0/allocations"),
        (applied(credit_memo_id="CM-1"), "invalid_message", "/0/payment_id"),
        (applied(payment_id=None), "invalid_message", "/0/payment_id"),
        (applied(allocations=[part("INV-1", "300.01")]), "unapplied_exceeded", "/0/allocations"),
        (taken_off(allocations=[part("INV-1", "0.01")]), "not_on_invoice", "/0/allocations/0"),
        (taken_off(allocations=[part("INV-1", "0.001")]), "invalid_amount", "/0/allocations/0/amount"),
        (refunded("300.01"), "unapplied_exceeded", "/0/amount"),
        (refunded("1.00", currency="USD"), "receipt_currency_differs", "/0/currency"),
        (refunded("-1.00"), "invalid_amount", "/0/amount"),
        (written_off(amount="1000.01"), "write_off_exceeds_open", "/0/amount"),
        (written_off(write_off_kind="gift"), "invalid_message", "/0/write_off_kind"),
        (written_off(posted_on="1899-12-31"), "invalid_date", "/0/posted_on"),
        (reversal(allocations=[part("INV-1", "1.00")]), "invalid_message", "/0/currency"),
        (reversal(amount="300.01", currency="EUR"), "reversal_exceeds_receipt", "/0/amount"),
        (memo_reversed(surprise=1), "invalid_message", "/0/surprise"),
    ],
)
async def test_what_cannot_be_is_refused_with_its_place(
    office: Office, message: dict[str, Any], code: str, pointer: str
) -> None:
    await office.accepted(invoice(), payment(amount="300.00", pays={}))

    (refused,) = await office.erp(message)

    assert (refused["result"], refused["code"], refused["pointer"]) == ("rejected", code, pointer)


async def test_money_is_taken_off_before_an_invoice_is_cancelled(office: Office) -> None:
    await office.accepted(invoice(), payment(amount="300.00"))

    (refused,) = await office.erp(cancelled())
    assert (refused["code"], refused["pointer"]) == ("cancelled_with_money", "/0/invoice_id")

    await office.accepted(taken_off(), cancelled())
    assert await balance(office) == ("0.00", "-300.00", "-300.00")


async def test_a_hold_gives_way_to_a_write_off_and_comes_back_with_a_reversed_credit(office: Office) -> None:
    await office.accepted(invoice(total="100.00"))
    await office.hear(dispute_event("dispute-opened", version=1, open={"INV-1": 8_000}))
    await office.accepted(credit_memo(pays={"INV-1": "60.00"}))
    assert (await office.get("/v1/invoices/INV-1"))["disputed"]["amount"] == "40.00"

    await office.accepted(written_off(amount="15.00"))
    assert (await office.get("/v1/invoices/INV-1"))["disputed"]["amount"] == "25.00"

    await office.accepted(memo_reversed())
    assert (await office.get("/v1/invoices/INV-1"))["disputed"]["amount"] == "80.00"


@pytest.mark.parametrize("many", [20, 100, 1_000])
async def test_a_receipt_is_applied_to_many_invoices_and_taken_off_in_one_step(office: Office, many: int) -> None:
    names = [f"INV-{n}" for n in range(1, many + 1)]
    await office.accepted(*(invoice(name, total="10.00") for name in names))
    await office.accepted(payment(amount=f"{many * 10}.00", pays={}))

    await office.accepted(applied(allocations=[part(name, "10.00") for name in names]))
    assert results(await office.erp(taken_off(allocations=[part(name) for name in names]))) == ["accepted"]

    rows = await office.worker.fetch("SELECT DISTINCT open_minor FROM read.invoice_current")
    assert [row["open_minor"] for row in rows] == [1_000]


async def test_cash_of_an_unknown_payer_stands_alone_until_the_payer_is_known(office: Office) -> None:
    await office.accepted(invoice(), payment(amount="300.00", pays={}, customer_id=None))
    assert await balance(office) == ("1000.00", "0.00", "1000.00")
    by_customer = await office.get("/v1/ageing", group_by="customer")
    assert [(row["group"], row["balance"]["amount"]) for row in by_customer["rows"]] == [
        ("", "-300.00"),
        ("C-1", "1000.00"),
    ]
    # The office's clock stands still, but what the database records does not.
    before = (await office.log.read_log(0, 10))[-1].recorded_at.isoformat()

    await office.accepted(
        about("payer-identified", "P-1", payment_id="P-1", customer_id="C-1", identified_on="2026-03-01")
    )

    assert await balance(office) == ("1000.00", "-300.00", "700.00")
    assert await balance(office, as_of="2026-02-20") == ("1000.00", "-300.00", "700.00")
    assert await balance(office, as_of="2026-02-20", known_at=before) == ("1000.00", "0.00", "1000.00")
    rows = (await office.get("/v1/ageing", group_by="customer"))["rows"]
    assert [(row["group"], row["balance"]["amount"]) for row in rows] == [("C-1", "700.00")]


async def test_an_invoice_says_who_collects_it(office: Office) -> None:
    handed = {"invoice_id": "INV-1", "to": "lawyer", "handed_on": "2026-03-02", "reference": "AZ 17/26"}
    await office.accepted(invoice(), about("collection-handed-over", "INV-1", **handed))
    assert (await office.get("/v1/invoices/INV-1"))["collected_by"] == {
        "to": "lawyer",
        "handed_on": "2026-03-02",
        "reference": "AZ 17/26",
    }

    await office.accepted(about("collection-taken-back", "INV-1", invoice_id="INV-1", taken_back_on="2026-04-02"))
    assert (await office.get("/v1/invoices/INV-1"))["collected_by"] is None
