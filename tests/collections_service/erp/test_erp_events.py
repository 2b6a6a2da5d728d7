import hashlib

import asyncpg
import msgspec
from support.collections_office import (
    Office,
    correction,
    credit_memo,
    invoice,
    payment,
    results,
    reversal,
)

from collections_service.erp.taking import Sender
from redress.contracts.common import Sealed
from redress.eventlog.events import Actor


async def test_an_invoice_and_its_payment_settle(office: Office) -> None:
    await office.accepted(invoice(), payment())

    shown = await office.get("/v1/invoices/INV-1")
    assert (shown["open"], shown["status"]) == ({"amount": "0.00", "currency": "EUR"}, "settled")


async def test_a_batch_is_answered_item_by_item(office: Office) -> None:
    response = await office.post(
        [invoice(), invoice(), invoice("INV-2", total="12.345"), payment(pays={"INV-9": "1000.00"})]
    )

    assert response.status_code == 207
    body = response.json()
    assert body["counts"] == {"accepted": 1, "duplicate": 1, "rejected": 1, "waiting": 1}
    assert results(body["items"]) == ["accepted", "duplicate", "rejected", "waiting"]
    refused = body["items"][2]
    assert refused["pointer"] == "/2/total"
    assert refused["reason"] == "the amount has more decimals than EUR allows (2)"
    assert body["items"][3]["waits_for"] == "invoice INV-9"


async def test_a_message_sent_again_has_no_second_effect(office: Office) -> None:
    await office.accepted(invoice(), payment(amount="400.00"))

    assert results(await office.erp(invoice(), payment(amount="400.00"))) == ["duplicate", "duplicate"]
    assert (await office.get("/v1/invoices/INV-1"))["open"]["amount"] == "600.00"


async def test_the_same_id_with_other_content_is_refused_by_name(office: Office) -> None:
    await office.accepted(invoice())

    (refused,) = await office.erp(invoice(total="999.00"))

    assert (refused["result"], refused["code"]) == ("rejected", "source_event_id_reused")
    assert "posted INV-1 of sap was received before with other content" in refused["reason"]


async def test_a_request_sent_again_gets_the_same_answer(office: Office) -> None:
    first = await office.post([invoice()], key="k-1")
    again = await office.post([invoice()], key="k-1")

    assert again.content == first.content
    assert again.headers["Idempotent-Replayed"] == "true"


async def test_a_key_used_for_another_request_is_refused(office: Office) -> None:
    await office.post([invoice()], key="k-1")

    response = await office.post([invoice("INV-2")], key="k-1")

    assert (response.status_code, response.json()["code"]) == (422, "idempotency_key_reused")


async def test_what_comes_too_early_waits_and_is_taken_when_its_time_comes(office: Office) -> None:
    early = await office.erp(reversal(), payment(), correction(total="1200.00"), credit_memo(pays={"INV-1": "150.00"}))
    assert results(early) == ["waiting"] * 4

    await office.accepted(invoice())

    shown = await office.get("/v1/invoices/INV-1")
    # 1000 corrected to 1200; 1000 paid and returned; 150 credited
    assert shown["open"]["amount"] == "1050.00"
    health = await office.get("/v1/erp/sources/sap/health", role="erp")
    assert health["counts"] == {"accepted": 5}


async def test_a_payment_before_its_invoice_in_one_batch_is_accepted_in_the_end(office: Office) -> None:
    assert results(await office.erp(payment(), invoice())) == ["accepted", "accepted"]


async def test_one_bad_item_does_not_hold_up_the_others(office: Office) -> None:
    bad = {**invoice("INV-2"), "colour": "red"}

    items = await office.erp(bad, invoice())

    assert results(items) == ["rejected", "accepted"]
    assert items[0]["pointer"] == "/0/colour"


async def test_a_single_event_is_pointed_into_directly(office: Office) -> None:
    response = await office.post(invoice(total="-5.00"))

    (item,) = response.json()["items"]
    assert (item["result"], item["pointer"]) == ("rejected", "/total")
    assert "post it as credit-memo-posted" in item["reason"]


async def test_what_is_not_json_is_refused_as_a_whole(office: Office) -> None:
    response = await office.post(b'[{"kind": ')

    assert (response.status_code, response.json()["code"]) == (400, "malformed_json")


async def test_too_many_items_are_refused_as_a_whole(office: Office) -> None:
    response = await office.post(b"[" + b",".join([b"{}"] * 1001) + b"]")

    assert (response.status_code, response.json()["code"]) == (422, "invalid_request")


async def test_an_analyst_may_not_post_for_the_erp(office: Office) -> None:
    assert (await office.post([invoice()], role="analyst")).status_code == 403


async def test_one_tenant_never_sees_the_others_ledger(office: Office) -> None:
    await office.accepted(invoice())

    await office.get("/v1/invoices/INV-1", tenant="other", status=404)
    assert (await office.get("/v1/invoices", tenant="other"))["items"] == []
    await office.accepted(invoice(total="5.00"), tenant="other")
    assert (await office.get("/v1/invoices/INV-1"))["open"]["amount"] == "1000.00"


async def test_the_exact_bytes_are_kept_sealed_with_their_hash(office: Office) -> None:
    raw = b'[ {"kind" :"invoice-posted", "oops": "K\xc3\xa4se"} ]'
    await office.post(raw)

    connection = await asyncpg.connect(office.database.superuser)
    row = await connection.fetchrow("SELECT sha256, person, raw, result, code FROM erp.message")
    await connection.close()
    assert row is not None
    item = raw[2:-2]
    assert row["sha256"] == hashlib.sha256(item).digest()
    assert (row["result"], row["code"]) == ("rejected", "invalid_message")
    assert b"oops" not in row["raw"][0]
    assert await office.vault.open("demo", Sealed(row["person"], row["raw"][0])) == item.decode()


async def test_a_credit_memo_may_be_described_like_an_invoice(office: Office) -> None:
    memo = credit_memo(pays={"INV-1": "100.00"})
    memo["invoice_id"] = memo.pop("credit_memo_id")
    memo |= {"due_on": "2026-03-31", "tax": "15.97", "lines": [{"line": "1", "amount": "100.00"}]}

    await office.accepted(invoice(), memo)

    assert (await office.get("/v1/invoices/INV-1"))["open"]["amount"] == "900.00"


async def test_a_part_of_a_payment_comes_back_and_then_no_more_than_the_rest(office: Office) -> None:
    await office.accepted(invoice(), payment(amount="400.00"))

    await office.accepted({**reversal(), "source_event_id": "part", "amount": "100.00", "currency": "EUR"})
    assert (await office.get("/v1/invoices/INV-1"))["open"]["amount"] == "700.00"

    (refused,) = await office.erp({**reversal(), "amount": "400.00", "currency": "EUR"})
    assert (refused["result"], refused["code"], refused["pointer"]) == (
        "rejected",
        "reversal_exceeds_receipt",
        "/0/amount",
    )
    await office.accepted({**reversal(), "amount": "300.00", "currency": "EUR"})
    assert (await office.get("/v1/invoices/INV-1"))["open"]["amount"] == "1000.00"


async def test_what_another_process_took_is_not_passed_over_by_one_that_remembers_the_invoice_without_it(
    office: Office,
) -> None:
    """The invoice came here, its payment there: the reversal that comes here again must reopen the invoice."""
    other = office.other_intake()
    await office.accepted(invoice(total="100.00"))
    sender = Sender(actor=Actor("service", "sap"), via="http", correlation_id="r-1")
    taken = await other.take("demo", [msgspec.json.encode(payment(amount="100.00"))], sender)
    assert [item.result for item in taken.items] == ["accepted"]
    await office.accepted(reversal())
    found = await office.get("/v1/invoices/INV-1")
    assert found["open"] == {"amount": "100.00", "currency": "EUR"}


async def test_the_document_of_the_api_says_what_an_event_is(office: Office) -> None:
    document = office.app.openapi()

    body = document["paths"]["/v1/erp/events"]["post"]["requestBody"]["content"]["application/json"]["schema"]

    text = msgspec.json.encode(body).decode()
    for name in ("InvoicePosted", "InvoiceCorrected", "CreditMemoPosted", "PaymentReceived", "BusinessEvent"):
        assert f"#/components/schemas/{name}" in text
        assert name in document["components"]["schemas"]
    assert "$defs" not in msgspec.json.encode(document).decode()
    assert document["components"]["schemas"]["BusinessEvent"]["required"] == [
        "BusinessEventId",
        "EventId",
        "LegalEntity",
    ]
