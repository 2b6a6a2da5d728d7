import json
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace
from support.collections_office import correction, credit_memo, invoice, payment

from collections_service.erp.item import as_bytes, as_text
from collections_service.erp.messages import InvoicePosted, Unreadable, money, read
from collections_service.erp.translation import command_of
from collections_service.open_items.commands import CorrectInvoice, RegisterInvoice
from collections_service.open_items.events import CashDiscount
from collections_service.receipts.commands import NamedInvoice, PostCreditMemo, ReceivePayment
from redress.ids import derived_uuid, public_id
from redress.money import Money

NOT_AN_ID = "an id has 1 to 100 characters, no control characters, no white space at either end"
DISPUTE = derived_uuid("dispute", "one")


def _for_dispute(name: str | None) -> dict[str, Any]:
    return credit_memo(applies_to=[{"invoice_id": "INV-1", "amount": "300.00", "dispute": name}])


@pytest.mark.parametrize(
    ("name", "named"),
    [
        (public_id("dsp", DISPUTE), public_id("dsp", DISPUTE)),
        (str(DISPUTE), public_id("dsp", DISPUTE)),
        (str(DISPUTE).upper(), public_id("dsp", DISPUTE)),
        (None, None),
    ],
)
def test_a_credit_memo_names_the_dispute_it_answers_as_we_publish_it_or_as_its_uuid(
    name: str | None, named: str | None
) -> None:
    command = command_of(read(json.dumps(_for_dispute(name)).encode()), date(2026, 3, 1))

    assert isinstance(command, PostCreditMemo)
    assert command.allocations == (NamedInvoice("INV-1", Money(30_000, "EUR"), named, legal_entity="DE01"),)


def pays_with(**words: object) -> dict[str, Any]:
    return payment() | {"allocations": [{"invoice_id": "INV-1", "amount": "900.00", **words}]}


def credits_with(**words: object) -> dict[str, Any]:
    return credit_memo() | {"applies_to": [{"invoice_id": "INV-1", "amount": "900.00", **words}]}


def refused(document: dict[str, Any]) -> tuple[str, str]:
    with pytest.raises(Unreadable) as caught:
        command_of(read(json.dumps(document).encode()), date(2026, 3, 1))
    return caught.value.pointer, str(caught.value)


@pytest.mark.parametrize(
    ("document", "pointer", "reason"),
    [
        (invoice(colour="red"), "/colour", "Object contains unknown field 'colour'"),
        (invoice(customer={"name": "x"}), "/customer/id", "Object missing required field 'id'"),
        (invoice(issued_on="2026-02-30"), "/issued_on", "Invalid RFC3339 encoded date"),
        (invoice(issued_on="1026-02-28"), "/issued_on", "1026-02-28 is not between 1980-01-01 and 2200-01-01"),
        (invoice(total="12,50"), "/total", "Invalid decimal string"),
        (invoice(total="1e400"), "/total", "the amount is not a plain decimal number"),
        (invoice(total="99999999999999.00"), "/total", "99999999999999.00 EUR is beyond the accepted range"),
        (invoice(currency="EURO"), "/currency", "'EURO' is not an ISO 4217 currency code"),
        (
            invoice(total={"amount": "5.00", "currency": "USD"}),
            "/total",
            "the amount is in USD, the message in EUR",
        ),
        (invoice(lines=[{"line": "1", "amount": "1.005"}]), "/lines/0/amount", "the amount has more decimals than EUR"),
        (invoice(source_event_id=""), "/source_event_id", "Expected 'str' of length >= 1"),
        (invoice(invoice_id="INV-1\n", source_event_id="e"), "/invoice_id", NOT_AN_ID),
        (invoice(invoice_id="I7 ", source_event_id="e"), "/invoice_id", NOT_AN_ID),
        (invoice(invoice_id="x" * 101, source_event_id="e"), "/invoice_id", "Expected 'str' of length <= 100"),
        (invoice(customer={"id": " K"}), "/customer/id", NOT_AN_ID),
        (invoice(legal_entity="DE01\u00a0"), "/legal_entity", NOT_AN_ID),
        (invoice(lines=[{"line": "1 ", "amount": "1.00"}]), "/lines/0/line", NOT_AN_ID),
        (payment(payment_id="P 1 ", source_event_id="e"), "/payment_id", NOT_AN_ID),
        (payment(pays={" INV-1": "1.00"}), "/allocations/0/invoice_id", NOT_AN_ID),
        (credit_memo(credit_memo_id="CM-1 ", source_event_id="e"), "/credit_memo_id", NOT_AN_ID),
        (invoice(customer={"id": "C-1", "email": "a@b.test\n"}), "/customer/email", "Expected 'str' matching regex"),
        (invoice(invoice_id="INV-1\u0085", source_event_id="e"), "/invoice_id", NOT_AN_ID),
        (invoice(source="sap\n"), "/source", "Expected 'str' matching regex"),
        (invoice(kind="invoice-deleted"), "/kind", "Invalid value 'invoice-deleted'"),
        (payment(amount="0.00"), "/amount", "0.00 EUR is not above zero"),
        (payment(pays={"INV-1": "-1"}), "/allocations/0/amount", "-1.00 EUR is not above zero"),
        (credit_memo(customer_id=None), "/customer_id", "customer or customer_id is required"),
        (_for_dispute("D-26-100417"), "/applies_to/0/dispute", "Expected 'str' matching regex"),
        (_for_dispute("dsp_00000000000000000000000000\n"), "/applies_to/0/dispute", "Expected 'str' matching regex"),
        (
            payment(allocations=[{"invoice_id": "INV-1", "amount": "1.00", "dispute": str(DISPUTE)}]),
            "/allocations/0/dispute",
            "Object contains unknown field 'dispute'",
        ),
        (invoice(discount_percent="2"), "/discount_days", "discount_percent needs discount_days"),
        (invoice(discount_days=10), "/discount_percent", "discount_days needs discount_percent"),
        (invoice(discount_percent="0", discount_days=10), "/discount_percent", "the discount is above 0 and below 100"),
        (invoice(discount_percent="100", discount_days=10), "/discount_percent", "the discount is above 0 and below"),
        (invoice(discount_percent="1.00001", discount_days=10), "/discount_percent", "the discount is above 0 and be"),
        (invoice(discount_percent="2", discount_days=366), "/discount_days", "Expected 'int' <= 365"),
        (payment(claim_number=""), "/claim_number", "Expected 'str' of length >= 1"),
        (pays_with(withheld_tax="0"), "/allocations/0/withheld_tax", "0.00 EUR is not above zero"),
        (pays_with(withheld_tax="1.005"), "/allocations/0/withheld_tax", "the amount has more decimals than EUR"),
        (pays_with(settles_in_full="yes"), "/allocations/0/settles_in_full", "Expected 'bool | null', got 'str'"),
        (credits_with(settles_in_full=True), "/applies_to/0/settles_in_full", "Object contains unknown field"),
    ],
)
def test_what_is_wrong_is_named_and_pointed_at(document: dict[str, Any], pointer: str, reason: str) -> None:
    at, said = refused(document)

    assert at == pointer
    assert said.startswith(reason)


@pytest.mark.parametrize("total", ["1250.10", 1250.10, {"amount": "1250.10", "currency": "EUR"}, "1250.1000"])
def test_an_amount_may_be_text_a_number_or_an_object(total: object) -> None:
    message = read(json.dumps(invoice(total=total)).encode())

    assert isinstance(message, InvoicePosted)
    assert money(message.total, "EUR", "/total") == Money(125_010, "EUR")


def test_terms_come_with_the_invoice_and_may_be_corrected_away() -> None:
    posted = command_of(read(json.dumps(invoice(discount_percent=2.50, discount_days=10)).encode()), date(2026, 3, 1))
    assert isinstance(posted, RegisterInvoice)
    assert posted.discount == CashDiscount(Decimal("2.5"), 10)
    assert command_of(read(json.dumps(invoice(discount_percent="10", discount_days=0)).encode()), date(2026, 3, 1)) == (
        replace(posted, discount=CashDiscount(Decimal(10), 0))
    )
    none = command_of(read(json.dumps(correction(discount_percent="0")).encode()), date(2026, 3, 1))
    assert isinstance(none, CorrectInvoice)
    assert none.discount == CashDiscount(Decimal(0), 0)


def test_a_payers_words_come_with_the_payment_and_with_each_invoice() -> None:
    sent = pays_with(claim_number="CL-2", settles_in_full=False, withheld_tax="15.00")
    message = read(json.dumps({**sent, "claim_number": "CL-1", "remittance_reason": "damaged"}).encode())
    command = command_of(message, date(2026, 3, 1))
    assert isinstance(command, ReceivePayment)
    assert (command.claim_number, command.remittance_reason) == ("CL-1", "damaged")
    assert command.allocations == (
        NamedInvoice(
            "INV-1",
            Money(90_000, "EUR"),
            claim_number="CL-2",
            settles_in_full=False,
            withheld_tax=Money(1_500, "EUR"),
        ),
    )


@pytest.mark.parametrize("raw", [b'{"a": 1}', b"\xff\xfe", b"base64:eA==", b""])
def test_bytes_survive_being_text(raw: bytes) -> None:
    assert as_bytes(as_text(raw)) == raw
