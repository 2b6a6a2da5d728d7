"""Business events of Dynamics 365, as domain reference §5.1 shows them."""

import json
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any, get_args

import pytest

from collections_service.erp.dynamics365 import (
    parse_mapping,
    pointer_into_event,
    read_business_event,
    standard_mapping,
)
from collections_service.erp.messages import (
    CreditMemoPosted,
    ErpMessage,
    InvoiceCancelled,
    InvoicePosted,
    PaymentReceived,
    ReceiptApplied,
    Unreadable,
    WriteOffPosted,
)
from collections_service.erp.translation import command_of, effective_at
from collections_service.open_items.commands import RegisterInvoice
from collections_service.open_items.events import CashDiscount
from redress.money import Money

SAMPLE = {
    "BusinessEventId": "SalesInvoicePostedBusinessEvent",
    "ControlNumber": 5637144576,
    "EventId": "{3c47a4cd-6edc-4319-b893-3f862eed65fd}",
    "EventTime": "/Date(1672408275000)/",
    "EventTimeIso8601": "2022-12-30T13:51:15.2942742Z",
    "LegalEntity": "usmf",
    "MajorVersion": 0,
    "MinorVersion": 0,
    "InvoiceAccount": "US-001",
    "InvoiceId": "CIV-000734",
    "SalesOrderId": "000768",
    "InvoiceDate": "/Date(1672358400000)/",
    "InvoiceDueDate": "/Date(1674950400000)/",
    "InvoiceAmountInAccountingCurrency": 1250.10,
    "InvoiceTaxAmount": 93.75,
}


def event(**changes: object) -> bytes:
    return json.dumps({**SAMPLE, **changes}).encode()


def test_a_posted_invoice_is_read_out_of_the_flat_envelope() -> None:
    message = read_business_event(event(), standard_mapping())

    assert (message.source, message.source_event_id) == ("d365:usmf", "3C47A4CD-6EDC-4319-B893-3F862EED65FD")
    assert message.control_number == 5637144576
    command = command_of(message, effective_at_day())
    assert isinstance(command, RegisterInvoice)
    assert (command.invoice_id, command.customer_id, command.legal_entity) == ("CIV-000734", "US-001", "usmf")
    assert (str(command.issued_on), str(command.due_on)) == ("2022-12-30", "2023-01-29")
    assert (command.total, command.tax) == (Money(125_010, "USD"), Money(9_375, "USD"))
    assert str(effective_at(command)) == "2022-12-30 00:00:00+00:00"


def effective_at_day() -> date:
    return date(2026, 1, 1)


@pytest.mark.parametrize(
    ("changes", "code", "pointer"),
    [
        ({"BusinessEventId": "VendInvoicePosted"}, "unmapped_business_event", "/BusinessEventId"),
        ({"LegalEntity": "jpmf"}, "currency_not_configured", "/LegalEntity"),
        ({"InvoiceDate": "/Date(x)/"}, "invalid_message", "/InvoiceDate"),
        ({"InvoiceId": ""}, "invalid_message", "/InvoiceId"),
        ({"InvoiceId": "CIV-000734 "}, "invalid_message", "/InvoiceId"),
        ({"LegalEntity": "usmf "}, "currency_not_configured", "/LegalEntity"),
        ({"EventId": None}, "invalid_message", "/EventId"),
        ({"InvoiceAmountInAccountingCurrency": "12"}, "invalid_amount", "/InvoiceAmountInAccountingCurrency"),
    ],
)
def test_what_cannot_be_mapped_points_into_the_business_event(changes: dict[str, Any], code: str, pointer: str) -> None:
    with pytest.raises(Unreadable) as refused:
        read_business_event(event(**changes), standard_mapping())

    assert (refused.value.code, refused.value.pointer) == (code, pointer)


def test_a_currency_in_the_event_counts_more_than_the_configured_one() -> None:
    message = read_business_event(event(CurrencyCode="CAD"), standard_mapping())

    assert isinstance(message, InvoicePosted)
    assert message.currency == "CAD"


def test_an_extended_event_brings_the_cash_discount() -> None:
    extended = event(CashDiscountPercentage=2.0, CashDiscountDays=10)
    command = command_of(read_business_event(extended, standard_mapping()), effective_at_day())

    assert isinstance(command, RegisterInvoice)
    assert command.discount == CashDiscount(Decimal(2), 10)


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"CashDiscountPercentage": 2.0}, "/CashDiscountDays"),
        ({"CashDiscountPercentage": 2.0, "CashDiscountDays": 10.5}, "/CashDiscountDays"),
        ({"CashDiscountPercentage": 2.0, "CashDiscountDays": True}, "/CashDiscountDays"),
        ({"CashDiscountPercentage": "two", "CashDiscountDays": 10}, "/CashDiscountPercentage"),
    ],
)
def test_terms_that_cannot_be_meant_point_into_the_business_event(changes: dict[str, Any], pointer: str) -> None:
    with pytest.raises(Unreadable) as refused:
        command_of(read_business_event(event(**changes), standard_mapping()), effective_at_day())
    at = refused.value.pointer
    assert pointer in {at, pointer_into_event(event(**changes), standard_mapping(), at)}


def test_another_business_event_is_a_matter_of_data() -> None:
    mapping = parse_mapping(
        """
        [events.CustomerPaymentPostedBusinessEvent]
        kind = "payment-received"
        [events.CustomerPaymentPostedBusinessEvent.fields]
        payment_id = { from = "Voucher" }
        customer_id = { from = "CustomerAccount" }
        received_on = { from = "TransDate", as = "date" }
        amount = { from = "Amount", as = "amount" }
        [legal_entities.usmf]
        currency = "USD"
        """
    )
    raw = json.dumps(
        {
            "BusinessEventId": "CustomerPaymentPostedBusinessEvent",
            "EventId": "E-1",
            "LegalEntity": "USMF",
            "Voucher": "CUSP-1",
            "CustomerAccount": "US-001",
            "TransDate": "2023-01-31T00:00:00",
            "Amount": 10,
        }
    ).encode()

    message = read_business_event(raw, mapping)

    assert isinstance(message, PaymentReceived)
    assert (message.payment_id, str(message.received_on), message.currency) == ("CUSP-1", "2023-01-31", "USD")


def test_a_transaction_that_was_written_off_and_a_cancelled_invoice_are_a_matter_of_data_too() -> None:
    mapping = parse_mapping(
        """
        [events.CustTransWrittenOffBusinessEvent]
        kind = "write-off-posted"
        constants = { write_off_kind = "bad_debt" }
        [events.CustTransWrittenOffBusinessEvent.fields]
        write_off_id = { from = "Voucher" }
        invoice_id = { from = "InvoiceId" }
        posted_on = { from = "TransDate", as = "date" }
        amount = { from = "Amount", as = "amount" }
        [events.InvoiceCancelledBusinessEvent]
        kind = "invoice-cancelled"
        [events.InvoiceCancelledBusinessEvent.fields]
        invoice_id = { from = "InvoiceId" }
        cancelled_on = { from = "TransDate", as = "date" }
        [legal_entities.usmf]
        currency = "USD"
        """
    )
    about = {"EventId": "{e-1}", "LegalEntity": "usmf", "InvoiceId": "CIV-1", "TransDate": "2023-03-01"}

    written_off = read_business_event(
        json.dumps(
            {**about, "BusinessEventId": "CustTransWrittenOffBusinessEvent", "Voucher": "V-1", "Amount": 12.5}
        ).encode(),
        mapping,
    )
    cancelled = read_business_event(
        json.dumps({**about, "BusinessEventId": "InvoiceCancelledBusinessEvent", "LegalEntity": "nobody"}).encode(),
        mapping,
    )

    assert isinstance(written_off, WriteOffPosted)
    assert (written_off.currency, written_off.write_off_kind) == ("USD", "bad_debt")
    assert isinstance(cancelled, InvoiceCancelled)
    assert cancelled.invoice_id == "CIV-1"


ENVELOPE = {"EventId": "{e-1}", "LegalEntity": "usmf", "ControlNumber": 7}
SETTLED = [
    {"InvoiceId": "CIV-1", "SettlementAmountInInvoiceCurrency": 100.5},
    {"InvoiceId": "CIV-2", "SettlementAmountInInvoiceCurrency": 20},
]


def read(kind: str, **fields: object) -> ErpMessage:
    raw = json.dumps({**ENVELOPE, "BusinessEventId": f"{kind}BusinessEvent", **fields}).encode()
    return read_business_event(raw, standard_mapping())


def test_a_payment_brings_its_list_of_settled_invoices() -> None:
    paid: dict[str, Any] = {
        "Voucher": "CUSP-1",
        "AccountDisplayValue": "US-001",
        "TransactionDate": "/Date(1672358400000)/",
        "CreditAmount": 130,
    }
    message = read("CustomerPaymentPosted", **paid, SettledInvoices=SETTLED)
    assert isinstance(message, PaymentReceived)
    assert [(each.invoice_id, each.amount) for each in message.allocations] == [
        ("CIV-1", Decimal("100.5")),
        ("CIV-2", Decimal(20)),
    ]

    marked = read("CustomerPaymentPosted", **paid, MarkedInvoice="CIV-1")
    assert isinstance(marked, PaymentReceived)
    assert [(each.invoice_id, each.amount) for each in marked.allocations] == [("CIV-1", Decimal(130))]
    nowhere = read("CustomerPaymentPosted", **paid)
    assert isinstance(nowhere, PaymentReceived)
    assert nowhere.allocations == ()


def test_marked_transactions_that_are_settled_later_are_one_receipt_and_many_invoices() -> None:
    settled = {"SettleVoucher": "SV-1", "SettleDate": "/Date(1672358400000)/", "SettledInvoices": SETTLED}
    payment = read("CustomerTransactionsSettled", **settled, PaymentVoucher="CUSP-1")
    assert isinstance(payment, ReceiptApplied)
    assert (payment.payment_id, payment.application_id, len(payment.allocations)) == ("CUSP-1", "SV-1", 2)
    note = read("CustomerTransactionsSettled", **settled, CreditNoteId="CCN-1")
    assert isinstance(note, ReceiptApplied)
    assert (note.payment_id, note.credit_memo_id) == (None, "CCN-1")


def test_an_invoice_below_zero_is_a_credit_note() -> None:
    message = read_business_event(event(InvoiceAmountInAccountingCurrency=-50.25), standard_mapping())

    assert isinstance(message, CreditMemoPosted)
    assert (message.credit_memo_id, message.customer_id, message.total) == ("CIV-000734", "US-001", Decimal("50.25"))


@pytest.mark.parametrize(
    ("kind", "fields", "becomes"),
    [
        (
            "CustomerPaymentReversed",
            {"Voucher": "CUSP-1", "ReversalVoucher": "R-1", "TransactionDate": "2023-01-31"},
            "payment-reversed",
        ),
        (
            "CustomerSettlementReversed",
            {"PaymentVoucher": "CUSP-1", "ReversalDate": "2023-01-31", "SettledInvoices": [{"InvoiceId": "CIV-1"}]},
            "receipt-unapplied",
        ),
        (
            "CustomerRefundPosted",
            {"Voucher": "REF-1", "PaymentVoucher": "CUSP-1", "TransactionDate": "2023-01-31", "DebitAmount": 5},
            "refund-posted",
        ),
        (
            "CustomerTransactionWrittenOff",
            {"Voucher": "W-1", "InvoiceId": "CIV-1", "TransactionDate": "2023-01-31", "WriteOffAmount": 5},
            "write-off-posted",
        ),
        (
            "CustomerWriteOffReversed",
            {"Voucher": "W-1", "InvoiceId": "CIV-1", "ReversalDate": "2023-01-31"},
            "write-off-reversed",
        ),
    ],
)
def test_what_happens_to_cash_afterwards_is_mapped(kind: str, fields: dict[str, Any], becomes: str) -> None:
    message = read(kind, **fields)
    assert message.__struct_config__.tag == becomes
    command_of(message, effective_at_day())


@pytest.mark.parametrize(
    ("settled", "code", "pointer"),
    [
        ("CIV-1", "invalid_message", "/SettledInvoices"),
        (["CIV-1"], "invalid_message", "/SettledInvoices/0"),
        (
            [SETTLED[0], {"InvoiceId": "CIV-2"}],
            "invalid_message",
            "/SettledInvoices/1/SettlementAmountInInvoiceCurrency",
        ),
        ([{**SETTLED[0], "InvoiceId": "CIV-1 "}], "invalid_message", "/SettledInvoices/0/InvoiceId"),
        (
            [{**SETTLED[0], "SettlementAmountInInvoiceCurrency": "1"}],
            "invalid_amount",
            "/SettledInvoices/0/SettlementAmountInInvoiceCurrency",
        ),
    ],
)
def test_what_is_wrong_with_a_settled_invoice_is_said_at_its_place(settled: object, code: str, pointer: str) -> None:
    with pytest.raises(Unreadable) as refused:
        read("CustomerTransactionsSettled", PaymentVoucher="P", SettleDate="2023-01-31", SettledInvoices=settled)
    assert (refused.value.code, refused.value.pointer) == (code, pointer)


def test_an_amount_below_zero_in_a_list_points_into_the_list() -> None:
    fields = {"PaymentVoucher": "P", "SettleDate": "2023-01-31"}
    settled = [SETTLED[0], {**SETTLED[1], "SettlementAmountInInvoiceCurrency": -1}]
    name = "CustomerTransactionsSettledBusinessEvent"
    raw = json.dumps({**ENVELOPE, "BusinessEventId": name, **fields, "SettledInvoices": settled}).encode()
    with pytest.raises(Unreadable) as refused:
        command_of(read_business_event(raw, standard_mapping()), effective_at_day())
    place = "/SettledInvoices/1/SettlementAmountInInvoiceCurrency"
    assert pointer_into_event(raw, standard_mapping(), refused.value.pointer) == place


@pytest.mark.parametrize("name", ["CollectionStatusUpdatedBusinessEvent", "CustInterestNotePostedBusinessEvent"])
def test_an_event_that_says_nothing_of_the_ledger_is_refused_with_those_that_are_known(name: str) -> None:
    with pytest.raises(Unreadable) as refused:
        read_business_event(event(BusinessEventId=name), standard_mapping())
    assert name in str(refused.value)
    for known in standard_mapping().events:
        assert known in str(refused.value)


def test_the_page_about_the_erp_names_every_kind_and_every_mapped_event() -> None:
    page = (Path(__file__).parents[3] / "shared/docs/erp.md").read_text("utf-8")
    for message in get_args(ErpMessage):
        assert f"`{message.__struct_config__.tag}`" in page
    for name, mapping in standard_mapping().events.items():
        assert f"`{name}`" in page
        theirs = [*mapping.fields.values(), *(f for each in mapping.lists.values() for f in each.fields.values())]
        if "Invoice" not in name:  # the documented ones
            for field in theirs:
                assert f"`{field.from_}`" in page
