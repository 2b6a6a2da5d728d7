"""A message of the ERP, in the words of the ledger."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from datetime import time as time_of_day
from decimal import Decimal
from typing import assert_never
from uuid import UUID

from msgspec.structs import replace

from collections_service.customers.customer_data import CustomerData
from collections_service.erp import messages
from collections_service.erp.messages import (
    AllocationData,
    Amount,
    AmountObject,
    CreditedData,
    ErpMessage,
    LineData,
    PaidInvoice,
    Unreadable,
    money,
    number_text,
)
from collections_service.open_items.commands import (
    CancelInvoice,
    ChangeCustomer,
    CorrectInvoice,
    HandOverCollection,
    PostWriteOff,
    RegisterInvoice,
    ReverseWriteOff,
    TakeCollectionBack,
)
from collections_service.open_items.events import CashDiscount, Line
from collections_service.postings.commands import LedgerCommand
from collections_service.receipts.commands import (
    ApplyReceipt,
    IdentifyPayer,
    NamedInvoice,
    PostCreditMemo,
    ReceiptName,
    ReceivePayment,
    RefundReceipt,
    ReverseReceipt,
    TakenOff,
    UnapplyReceipt,
)
from redress.ids import public_id
from redress.money import MAX_MINOR, Money, total

AllocatingMessage = (
    messages.PaymentReceived
    | messages.CreditMemoPosted
    | messages.ReceiptApplied
    | messages.PaymentReversed
    | messages.CreditMemoReversed
)
_PERCENT_DIGITS = 4  # after the point


def command_of(message: ErpMessage, received_on: date) -> LedgerCommand:  # noqa: C901, PLR0911, PLR0912 - one per kind
    """The command. Unreadable for amounts that are not exact money, or not of a sign that makes sense."""
    match message:
        case messages.InvoicePosted():
            return _register(message)
        case messages.InvoiceCorrected():
            return _correct(message, received_on)
        case messages.InvoiceCustomerChanged():
            return _change_customer(message, received_on)
        case messages.CreditMemoPosted():
            return _credit_memo(message)
        case messages.PaymentReceived():
            return ReceivePayment(
                source=message.source,
                payment_id=message.payment_id,
                customer_id=message.customer_id or "",
                received_on=message.received_on,
                amount=_positive_amount(message.amount, message.currency),
                allocations=_paid_invoices(message),
                remittance_reason=message.remittance_reason or None,
                claim_number=message.claim_number,
                legal_entity=message.legal_entity,
            )
        case messages.PaymentReversed() | messages.CreditMemoReversed():
            return _reversal(message)
        case messages.ReceiptApplied():
            return ApplyReceipt(
                receipt=_receipt(message),
                application_id=message.application_id or message.source_event_id,
                applied_on=message.applied_on,
                allocations=_allocations(message, message.currency),
                under_protest=message.under_protest,
            )
        case messages.ReceiptUnapplied():
            return UnapplyReceipt(
                receipt=_receipt(message),
                application_id=message.application_id or message.source_event_id,
                unapplied_on=message.unapplied_on,
                currency=message.currency,
                allocations=_taken_off(message),
            )
        case messages.RefundPosted():
            return RefundReceipt(
                receipt=_receipt(message),
                refund_id=message.refund_id,
                refunded_on=message.refunded_on,
                amount=_positive_amount(message.amount, message.currency),
                reason=message.reason,
                dispute_id=_public_dispute(message.dispute),
            )
        case messages.PayerIdentified():
            return IdentifyPayer(
                receipt=ReceiptName(kind="payment", source=message.source, number=message.payment_id),
                customer_id=message.customer_id,
                identified_on=message.identified_on,
            )
        case messages.WriteOffPosted():
            return PostWriteOff(
                source=message.source,
                write_off_id=message.write_off_id,
                invoice_id=message.invoice_id,
                legal_entity=message.legal_entity,
                posted_on=message.posted_on,
                amount=_positive_amount(message.amount, message.currency),
                kind=message.write_off_kind,
                reason=message.reason,
            )
        case messages.WriteOffReversed():
            return ReverseWriteOff(
                source=message.source,
                write_off_id=message.write_off_id,
                invoice_id=message.invoice_id,
                legal_entity=message.legal_entity,
                reversal_id=message.reversal_id or message.source_event_id,
                reversed_on=message.reversed_on,
                amount=None
                if message.amount is None
                else _positive_amount(message.amount, _currency_of_part(message.amount, message.currency)),
                reason=message.reason,
            )
        case messages.CollectionHandedOver():
            return HandOverCollection(
                invoice_id=message.invoice_id,
                legal_entity=message.legal_entity,
                to=message.to,
                handed_on=message.handed_on,
                reference=message.reference,
            )
        case messages.CollectionTakenBack():
            return TakeCollectionBack(
                invoice_id=message.invoice_id, legal_entity=message.legal_entity, taken_back_on=message.taken_back_on
            )
        case messages.InvoiceCancelled():
            return CancelInvoice(
                invoice_id=message.invoice_id,
                legal_entity=message.legal_entity,
                cancelled_on=message.cancelled_on,
                reason=message.reason,
            )
        case _:
            assert_never(message)


def effective_at(command: LedgerCommand) -> datetime:
    """When it counts in the books: the beginning of its business day, in UTC."""
    match command:
        case RegisterInvoice(issued_on=day) | PostCreditMemo(issued_on=day):
            pass
        case ChangeCustomer(changed_on=day):
            pass
        case CorrectInvoice(corrected_on=day) | ReceivePayment(received_on=day) | ReverseReceipt(reversed_on=day):
            pass
        case ApplyReceipt(applied_on=day) | UnapplyReceipt(unapplied_on=day) | RefundReceipt(refunded_on=day):
            pass
        case HandOverCollection(handed_on=day) | TakeCollectionBack(taken_back_on=day):
            pass
        case IdentifyPayer(identified_on=day):
            pass
        case PostWriteOff(posted_on=day) | ReverseWriteOff(reversed_on=day) | CancelInvoice(cancelled_on=day):
            pass
        case _:
            assert_never(command)
    return datetime.combine(day, time_of_day(), UTC)


def customer_of(message: ErpMessage) -> CustomerData | None:
    """The customer data of the message; None if it says no more than who the customer is."""
    match message:
        case messages.InvoicePosted(customer=data) | messages.InvoiceCustomerChanged(customer=data):
            pass
        case messages.InvoiceCorrected(customer=data) | messages.CreditMemoPosted(customer=data) if data is not None:
            pass
        case _:
            return None
    language = data.language[:2].lower() if data.language else None
    return CustomerData(customer_id=data.id, name=data.name, email=data.email, language=language)


def customer_id_of(message: ErpMessage) -> str | None:
    """Whose message it is; None where it does not say (a reversal, a correction)."""
    if isinstance(message, messages.InvoicePosted | messages.InvoiceCustomerChanged):
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
        legal_entity=message.legal_entity,
        corrected_on=message.corrected_on or received_on,
        from_start=message.corrects_from_start,
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


def _change_customer(message: messages.InvoiceCustomerChanged, received_on: date) -> ChangeCustomer:
    """Who owes an invoice now is one customer everywhere, so a change of a day to come is sent on its day, by the
    clocks of the legal entity that the message names; else by UTC's."""
    if message.changed_on > received_on:
        raise Unreadable(
            "date_in_future",
            f"{message.changed_on} is not here yet: send the change on its day",
            "/changed_on",
        )
    return ChangeCustomer(
        invoice_id=message.invoice_id,
        legal_entity=message.legal_entity,
        customer_id=message.customer.id,
        changed_on=message.changed_on,
        reason=message.reason,
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


def _reversal(message: messages.PaymentReversed | messages.CreditMemoReversed) -> ReverseReceipt:
    is_payment = isinstance(message, messages.PaymentReversed)
    currency = ""
    if message.amount is not None or message.allocations:
        currency = _currency_of_part(message.amount, message.currency)
    return ReverseReceipt(
        receipt=ReceiptName(
            kind="payment" if is_payment else "credit_memo",
            source=message.source,
            number=message.payment_id if isinstance(message, messages.PaymentReversed) else message.credit_memo_id,
        ),
        reversal_id=message.reversal_id or message.source_event_id,
        reversed_on=message.reversed_on,
        amount=None if message.amount is None else _positive_amount(message.amount, currency),
        allocations=_allocations(message, currency),
        reason=message.reason,
    )


def _currency_of_part(amount: Amount | None, currency: str | None) -> str:
    """The currency of a message that needs one only where it names an amount."""
    if currency is None and isinstance(amount, AmountObject):
        currency = amount.currency
    if currency is None:
        raise Unreadable("invalid_message", "an amount needs a currency", "/currency")
    return currency


def _paid_invoices(message: messages.PaymentReceived) -> tuple[NamedInvoice, ...]:
    named = _allocations(message, message.currency)
    return tuple(replace(each, under_protest=True) for each in named) if message.under_protest else named


def _receipt(message: messages.ReceiptApplied | messages.ReceiptUnapplied | messages.RefundPosted) -> ReceiptName:
    if message.payment_id is not None and message.credit_memo_id is None:
        return ReceiptName(kind="payment", source=message.source, number=message.payment_id)
    if message.credit_memo_id is not None and message.payment_id is None:
        return ReceiptName(kind="credit_memo", source=message.source, number=message.credit_memo_id)
    raise Unreadable("invalid_message", "either payment_id or credit_memo_id says whose money it is", "/payment_id")


def _taken_off(message: messages.ReceiptUnapplied) -> tuple[TakenOff, ...]:
    taken: list[TakenOff] = []
    for index, each in enumerate(message.allocations):
        amount = None
        if each.amount is not None:
            at = f"/allocations/{index}/amount"
            amount = money(each.amount, message.currency, at)
            _positive(amount, at)
        taken.append(TakenOff(each.invoice_id, amount, each.legal_entity or message.legal_entity))
    return tuple(taken)


def _credit_memo(message: messages.CreditMemoPosted) -> PostCreditMemo:
    credit_memo_id = message.credit_memo_id or message.invoice_id
    if credit_memo_id is None:
        raise Unreadable("invalid_message", "Object missing required field 'credit_memo_id'", "/credit_memo_id")
    customer_id = customer_id_of(message)
    if customer_id is None:
        raise Unreadable("invalid_message", "customer or customer_id is required", "/customer_id")
    allocations = _allocations(message, message.currency)
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
        dispute_id=_public_dispute(message.dispute),
    )


def _allocations(message: AllocatingMessage, currency: str) -> tuple[NamedInvoice, ...]:
    """A part that names no legal entity is of the message's own."""
    data: Sequence[AllocationData]
    if isinstance(message, messages.CreditMemoPosted):
        data, pointer = message.applies_to, "/applies_to"
    else:
        data, pointer = message.allocations, "/allocations"
    allocations: list[NamedInvoice] = []
    for index, each in enumerate(data):
        at = f"{pointer}/{index}/amount"
        amount = money(each.amount, currency, at)
        _positive(amount, at)
        entity = each.legal_entity or message.legal_entity
        allocations.append(_named(each, amount, entity, currency, f"{pointer}/{index}"))
    return tuple(allocations)


def _named(each: AllocationData, amount: Money, entity: str | None, currency: str, pointer: str) -> NamedInvoice:
    if isinstance(each, PaidInvoice):
        return NamedInvoice(
            invoice_id=each.invoice_id,
            amount=amount,
            legal_entity=entity,
            claim_number=each.claim_number,
            settles_in_full=each.settles_in_full,
            withheld_tax=_withheld(each, currency, f"{pointer}/withheld_tax"),
            under_protest=each.under_protest,
        )
    if isinstance(each, CreditedData) and each.dispute:
        named = _public_dispute(each.dispute)
        return NamedInvoice(invoice_id=each.invoice_id, amount=amount, dispute_id=named, legal_entity=entity)
    return NamedInvoice(invoice_id=each.invoice_id, amount=amount, legal_entity=entity)


def _public_dispute(dispute: str | None) -> str | None:
    """The id as dispute-service publishes it, whichever of the two forms the ERP keeps."""
    if dispute is None:
        return None
    return dispute if dispute.startswith("dsp_") else public_id("dsp", UUID(dispute))


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


def _positive_amount(amount: Amount, currency: str) -> Money:
    found = money(amount, currency, "/amount")
    _positive(found, "/amount")
    return found


def _positive(amount: Money, pointer: str) -> None:
    if amount.minor <= 0:
        raise Unreadable("invalid_amount", f"{amount} is not above zero", pointer)


def _not_negative(amount: Money, pointer: str, hint: str) -> None:
    if amount.minor < 0:
        raise Unreadable("invalid_amount", f"{amount} is below zero; {hint}", pointer)
