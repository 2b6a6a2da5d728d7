"""A message of the ERP, in the words of the ledger."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from datetime import time as time_of_day
from decimal import Decimal
from typing import assert_never

from collections_service.customers.customer_data import CustomerData
from collections_service.erp import messages
from collections_service.erp.messages import (
    AllocationData,
    AmountObject,
    ErpMessage,
    LineData,
    PaidInvoice,
    Unreadable,
    money,
    number_text,
)
from collections_service.open_items.commands import CorrectInvoice, RegisterInvoice
from collections_service.open_items.events import CashDiscount, Line
from collections_service.postings.commands import LedgerCommand
from collections_service.receipts.commands import NamedInvoice, PostCreditMemo, ReceivePayment, ReverseReceipt
from redress.money import MAX_MINOR, Money, total

_PERCENT_DIGITS = 4  # after the point


def command_of(message: ErpMessage, received_on: date) -> LedgerCommand:
    """The command. Unreadable for amounts that are not exact money, or not of a sign that makes sense."""
    match message:
        case messages.InvoicePosted():
            return _register(message)
        case messages.InvoiceCorrected():
            return _correct(message, received_on)
        case messages.CreditMemoPosted():
            return _credit_memo(message)
        case messages.PaymentReceived():
            amount = money(message.amount, message.currency, "/amount")
            _positive(amount, "/amount")
            return ReceivePayment(
                source=message.source,
                payment_id=message.payment_id,
                customer_id=message.customer_id,
                received_on=message.received_on,
                amount=amount,
                allocations=_allocations(message.allocations, message.currency, "/allocations"),
                remittance_reason=message.remittance_reason or None,
                claim_number=message.claim_number,
            )
        case messages.PaymentReversed():
            return ReverseReceipt(
                source=message.source,
                payment_id=message.payment_id,
                reversed_on=message.reversed_on,
                amount=_reversed_amount(message),
                reason=message.reason,
            )
        case _:
            assert_never(message)


def effective_at(command: LedgerCommand) -> datetime:
    """When it counts in the books: the beginning of its business day, in UTC."""
    match command:
        case RegisterInvoice(issued_on=day) | PostCreditMemo(issued_on=day):
            pass
        case CorrectInvoice(corrected_on=day) | ReceivePayment(received_on=day) | ReverseReceipt(reversed_on=day):
            pass
    return datetime.combine(day, time_of_day(), UTC)


def customer_of(message: ErpMessage) -> CustomerData | None:
    """The customer data of the message; None if it says no more than who the customer is."""
    match message:
        case messages.InvoicePosted(customer=data):
            pass
        case messages.InvoiceCorrected(customer=data) | messages.CreditMemoPosted(customer=data) if data is not None:
            pass
        case _:
            return None
    language = data.language[:2].lower() if data.language else None
    return CustomerData(customer_id=data.id, name=data.name, email=data.email, language=language)


def customer_id_of(message: ErpMessage) -> str | None:
    """Whose message it is; None where it does not say (a reversal, a correction)."""
    if isinstance(message, messages.InvoicePosted):
        return message.customer.id
    if isinstance(message, messages.InvoiceCorrected | messages.CreditMemoPosted) and message.customer is not None:
        return message.customer.id
    return message.customer_id


def _register(message: messages.InvoicePosted) -> RegisterInvoice:
    amount = money(message.total, message.currency, "/total")
    _not_negative(amount, "/total", "an invoice below zero is a credit memo: post it as credit-memo-posted")
    return RegisterInvoice(
        invoice_id=message.invoice_id,
        source=message.source,
        legal_entity=message.legal_entity,
        customer_id=message.customer.id,
        issued_on=message.issued_on,
        due_on=message.due_on,
        total=amount,
        tax=None if message.tax is None else money(message.tax, message.currency, "/tax"),
        lines=_lines(message.lines, message.currency),
        po_number=message.po_number,
        discount=_discount(message.discount_percent, message.discount_days, may_be_none=False),
    )


def _correct(message: messages.InvoiceCorrected, received_on: date) -> CorrectInvoice:
    if message.currency is None and (message.total is not None or message.tax is not None or message.lines):
        raise Unreadable("invalid_message", "amounts need a currency", "/currency")
    currency = message.currency or ""
    amount = None if message.total is None else money(message.total, currency, "/total")
    if amount is not None:
        _not_negative(amount, "/total", "an invoice cannot be corrected below zero")
    return CorrectInvoice(
        invoice_id=message.invoice_id,
        corrected_on=message.corrected_on or received_on,
        currency=message.currency,
        customer_id=customer_id_of(message),
        issued_on=message.issued_on,
        due_on=message.due_on,
        total=amount,
        tax=None if message.tax is None else money(message.tax, currency, "/tax"),
        lines=None if message.lines is None else _lines(message.lines, currency),
        po_number=message.po_number,
        discount=_discount(message.discount_percent, message.discount_days, may_be_none=True),
    )


def _discount(percent: Decimal | None, days: int | None, *, may_be_none: bool) -> CashDiscount | None:
    """Both or neither. `may_be_none`: 0 per cent says that there is none any more, and needs no days."""
    if percent is None:
        if days is not None:
            raise Unreadable("invalid_message", "discount_days needs discount_percent", "/discount_percent")
        return None
    is_exact = percent.is_finite() and 0 <= percent < 100 and percent == round(percent, _PERCENT_DIGITS)
    if not is_exact or not (percent or may_be_none):
        raise Unreadable(
            "invalid_number",
            f"the discount is above 0 and below 100 per cent, with {_PERCENT_DIGITS} decimals at most",
            "/discount_percent",
        )
    if days is None and percent:
        raise Unreadable("invalid_message", "discount_percent needs discount_days", "/discount_days")
    return CashDiscount(Decimal(f"{percent.normalize():f}"), days or 0)


def _reversed_amount(message: messages.PaymentReversed) -> Money | None:
    if message.amount is None:
        return None
    if message.currency is None and not isinstance(message.amount, AmountObject):
        raise Unreadable("invalid_message", "an amount needs a currency", "/currency")
    currency = message.amount.currency if isinstance(message.amount, AmountObject) else message.currency or ""
    amount = money(message.amount, message.currency or currency, "/amount")
    _positive(amount, "/amount")
    return amount


def _credit_memo(message: messages.CreditMemoPosted) -> PostCreditMemo:
    credit_memo_id = message.credit_memo_id or message.invoice_id
    if credit_memo_id is None:
        raise Unreadable("invalid_message", "Object missing required field 'credit_memo_id'", "/credit_memo_id")
    customer_id = customer_id_of(message)
    if customer_id is None:
        raise Unreadable("invalid_message", "customer or customer_id is required", "/customer_id")
    allocations = _allocations(message.applies_to, message.currency, "/applies_to")
    if message.total is None:
        amount = total((each.amount for each in allocations), message.currency)
    else:
        amount = money(message.total, message.currency, "/total")
    _positive(amount, "/total")
    if amount.minor > MAX_MINOR:
        raise Unreadable("invalid_amount", f"{amount} is beyond the accepted range", "/applies_to")
    return PostCreditMemo(
        source=message.source,
        credit_memo_id=credit_memo_id,
        legal_entity=message.legal_entity or "",
        customer_id=customer_id,
        issued_on=message.issued_on,
        total=amount,
        allocations=allocations,
    )


def _allocations(data: Sequence[AllocationData], currency: str, pointer: str) -> tuple[NamedInvoice, ...]:
    allocations: list[NamedInvoice] = []
    for index, each in enumerate(data):
        at = f"{pointer}/{index}/amount"
        amount = money(each.amount, currency, at)
        _positive(amount, at)
        if isinstance(each, PaidInvoice):
            withheld = _withheld(each, currency, f"{pointer}/{index}/withheld_tax")
            named = NamedInvoice(each.invoice_id, amount, each.claim_number, each.settles_in_full, withheld)
        else:
            named = NamedInvoice(each.invoice_id, amount)
        allocations.append(named)
    return tuple(allocations)


def _withheld(paid: PaidInvoice, currency: str, pointer: str) -> Money | None:
    if paid.withheld_tax is None:
        return None
    amount = money(paid.withheld_tax, currency, pointer)
    _positive(amount, pointer)
    return amount


def _lines(data: Sequence[LineData], currency: str) -> tuple[Line, ...]:
    return tuple(
        Line(
            line=each.line,
            amount=money(each.amount, currency, f"/lines/{index}/amount"),
            description=each.description,
            quantity=None if each.quantity is None else number_text(each.quantity, f"/lines/{index}/quantity"),
            unit_price=None if each.unit_price is None else number_text(each.unit_price, f"/lines/{index}/unit_price"),
        )
        for index, each in enumerate(data)
    )


def _positive(amount: Money, pointer: str) -> None:
    if amount.minor <= 0:
        raise Unreadable("invalid_amount", f"{amount} is not above zero", pointer)


def _not_negative(amount: Money, pointer: str, hint: str) -> None:
    if amount.minor < 0:
        raise Unreadable("invalid_amount", f"{amount} is below zero; {hint}", pointer)
