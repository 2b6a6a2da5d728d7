"""The ERP's messages in our own format, strictly read: what is unknown, missing, too long or not exact is named.

A message is read as a whole or not at all; the answer points at the first thing that is wrong (RFC 6901).
"""

import re
from datetime import date
from decimal import Decimal
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from collections_service.erp.flaws import first_flaw, may_contain_null
from redress import business_ids
from redress.money import Money, MoneyError, minor_digits, parse_money

MAX_LINES = 500
MAX_ALLOCATIONS = 1_000  # with receipt and customer 1,002 streams in one append, which takes 1,100
EARLIEST = date(1980, 1, 1)
LATEST = date(2200, 1, 1)
_MAX_EXPONENT = 30
_MAX_WHOLE_DIGITS = 16
_MAX_DIGITS = 60  # of a quantity or a unit price

_UUID = "[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}"
_DISPUTE = rf"^(dsp_[0-7][0-9a-hjkmnp-tv-z]{{25}}|{_UUID})$(?!\n)"

# `$` alone would let a line break at the end through.
# What the services share has their rule; an event's id and an order number are the sender's own business.
BusinessId = Annotated[str, Meta(min_length=1, max_length=business_ids.MAX_LENGTH, pattern=business_ids.PYTHON_PATTERN)]
ShortText = Annotated[str, Meta(max_length=200)]
CurrencyCode = Annotated[str, Meta(extra_json_schema={"pattern": "^[A-Z]{3}$"})]  # `money` says what is wrong with it
DisputeName = Annotated[str, Meta(pattern=_DISPUTE)]
DiscountDays = Annotated[int, Meta(ge=0, le=365)]
ControlNumber = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]


class AmountObject(Struct, frozen=True, forbid_unknown_fields=True):
    """Money with its currency, where a sender likes it so; the currency must be the message's."""

    amount: Decimal
    currency: CurrencyCode


Amount = Decimal | AmountObject


class CustomerData(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    id: BusinessId
    name: Annotated[str, Meta(min_length=1, max_length=300)] | None = None
    email: Annotated[str, Meta(min_length=3, max_length=320, pattern=r"^[^@\s]+@[^@\s]+$(?!\n)")] | None = None
    language: Annotated[str, Meta(pattern=r"^[A-Za-z]{2}(-[A-Za-z0-9]{2,8})*$(?!\n)", max_length=20)] | None = None


class LineData(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    line: BusinessId
    amount: Amount
    description: ShortText | None = None
    quantity: Decimal | None = None
    unit_price: Decimal | None = None


class AllocationData(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`legal_entity` is whose invoice it is; left out, the message's own; if that is left out too, the number must be
    that of one entity only."""

    invoice_id: BusinessId
    amount: Amount
    legal_entity: BusinessId | None = None


class CreditedData(AllocationData, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`dispute` is the dispute that this credit answers, as `dsp_…` or as its UUID; without it, which disputes of the
    invoice are served follows from what they wait for."""

    dispute: DisputeName | None = None


class PaidInvoice(AllocationData, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the payer says about this invoice besides: `settles_in_full` false means that it is a part payment,
    `withheld_tax` goes to the tax office and is open until its certificate comes. `under_protest`: it is paid, and what
    was disputed of it is disputed still."""

    claim_number: BusinessId | None = None
    settles_in_full: bool | None = None
    withheld_tax: Amount | None = None
    under_protest: bool = False


class _Message(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind"):
    """`source` is the ERP, `source_event_id` its own id of this message: together they are the message's identity.

    Every kind may say the `legal_entity`, and a new invoice must. With it an invoice is meant by entity and number;
    without it by the number alone, which must be that of one entity only.
    """

    source: Annotated[str, Meta(min_length=1, max_length=60, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:-]*$(?!\n)")]
    source_event_id: BusinessId
    control_number: ControlNumber | None = None


class InvoicePosted(_Message, frozen=True, kw_only=True, tag="invoice-posted"):
    """`discount_percent` need not be paid within `discount_days` of the issue date; neither: no cash discount."""

    legal_entity: BusinessId
    customer: CustomerData
    invoice_id: BusinessId
    issued_on: date
    due_on: date
    currency: CurrencyCode
    total: Amount
    tax: Amount | None = None
    lines: Annotated[tuple[LineData, ...], Meta(max_length=MAX_LINES)] = ()
    po_number: BusinessId | None = None
    discount_percent: Decimal | None = None
    discount_days: DiscountDays | None = None


class InvoiceCorrected(_Message, frozen=True, kw_only=True, tag="invoice-corrected"):
    """Fields that are left out stay as they are; a discount of 0 per cent is none. What changes counts from
    `corrected_on` (left out: the day it was received), and the days before stay as they were; with
    `corrects_from_start` it mends an error, and the days before are answered anew."""

    invoice_id: BusinessId
    corrected_on: date | None = None
    corrects_from_start: bool = False
    legal_entity: BusinessId | None = None
    customer: CustomerData | None = None
    customer_id: BusinessId | None = None
    issued_on: date | None = None
    due_on: date | None = None
    currency: CurrencyCode | None = None
    total: Amount | None = None
    tax: Amount | None = None
    lines: Annotated[tuple[LineData, ...], Meta(max_length=MAX_LINES)] | None = None
    po_number: BusinessId | None = None
    discount_percent: Decimal | None = None
    discount_days: DiscountDays | None = None


class InvoiceCustomerChanged(_Message, frozen=True, kw_only=True, tag="invoice-customer-changed"):
    """Another customer owes the invoice from `changed_on` on, which is today or past. Receipts stay with who paid."""

    invoice_id: BusinessId
    customer: CustomerData
    changed_on: date
    legal_entity: BusinessId | None = None
    reason: ShortText | None = None


class CreditMemoPosted(_Message, frozen=True, kw_only=True, tag="credit-memo-posted"):
    """`total` left out: what `applies_to` adds up to. The customer comes as an object or as an id alone. `dispute` is
    the claim after payment that the rest of the credit, which no invoice takes, answers.

    A sender that numbers and describes credit memos like invoices may say `invoice_id` for `credit_memo_id`, and may
    send due date, tax, lines and order number: they stay in the message that is kept, the ledger has no use for them.
    """

    issued_on: date
    credit_memo_id: BusinessId | None = None
    invoice_id: BusinessId | None = None
    due_on: date | None = None
    tax: Amount | None = None
    lines: Annotated[tuple[LineData, ...], Meta(max_length=MAX_LINES)] = ()
    po_number: BusinessId | None = None
    currency: CurrencyCode
    legal_entity: BusinessId | None = None
    customer: CustomerData | None = None
    customer_id: BusinessId | None = None
    total: Amount | None = None
    dispute: DisputeName | None = None
    applies_to: Annotated[tuple[CreditedData, ...], Meta(max_length=MAX_ALLOCATIONS)] = ()


class PaymentReceived(_Message, frozen=True, kw_only=True, tag="payment-received"):
    """`customer_id` left out: nobody knows yet who paid (`payer-identified`). `under_protest` is about every invoice
    that it pays."""

    payment_id: BusinessId
    customer_id: BusinessId | None = None
    received_on: date
    currency: CurrencyCode
    amount: Amount
    legal_entity: BusinessId | None = None
    allocations: Annotated[tuple[PaidInvoice, ...], Meta(max_length=MAX_ALLOCATIONS)] = ()
    remittance_reason: ShortText | None = None
    claim_number: BusinessId | None = None
    under_protest: bool = False


class ReceiptApplied(_Message, frozen=True, kw_only=True, tag="receipt-applied"):
    """An earlier payment (`payment_id`) or credit memo (`credit_memo_id`) is applied to invoices: one of both is named.

    `application_id` is the ERP's own number of this step, where it has one; else the message is the step.
    `under_protest` left out: as the payment was on each of the invoices before, if it was.
    """

    payment_id: BusinessId | None = None
    credit_memo_id: BusinessId | None = None
    application_id: BusinessId | None = None
    applied_on: date
    under_protest: bool | None = None
    currency: CurrencyCode
    customer_id: BusinessId | None = None
    legal_entity: BusinessId | None = None
    allocations: Annotated[tuple[AllocationData, ...], Meta(min_length=1, max_length=MAX_ALLOCATIONS)]


class TakenOffData(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`amount` left out: all that the receipt has on the invoice. `legal_entity` as for an allocation."""

    invoice_id: BusinessId
    amount: Amount | None = None
    legal_entity: BusinessId | None = None


class ReceiptUnapplied(_Message, frozen=True, kw_only=True, tag="receipt-unapplied"):
    """A payment or credit memo is taken off invoices; the money is unapplied again. Fields as in `receipt-applied`."""

    payment_id: BusinessId | None = None
    credit_memo_id: BusinessId | None = None
    application_id: BusinessId | None = None
    unapplied_on: date
    currency: CurrencyCode
    customer_id: BusinessId | None = None
    legal_entity: BusinessId | None = None
    allocations: Annotated[tuple[TakenOffData, ...], Meta(min_length=1, max_length=MAX_ALLOCATIONS)]


class PaymentReversed(_Message, frozen=True, kw_only=True, tag="payment-reversed"):
    """A payment comes back. `amount` left out: all that is left of it. `allocations` say which invoices it is taken
    from; without them it is taken from what no invoice has, and then from the newest application first."""

    payment_id: BusinessId
    reversed_on: date
    reversal_id: BusinessId | None = None
    amount: Amount | None = None
    currency: CurrencyCode | None = None
    customer_id: BusinessId | None = None
    legal_entity: BusinessId | None = None
    allocations: Annotated[tuple[AllocationData, ...], Meta(max_length=MAX_ALLOCATIONS)] = ()
    reason: ShortText | None = None


class CreditMemoReversed(_Message, frozen=True, kw_only=True, tag="credit-memo-reversed"):
    """A credit memo is cancelled, as a whole or in part. Fields as in `payment-reversed`."""

    credit_memo_id: BusinessId
    reversed_on: date
    reversal_id: BusinessId | None = None
    amount: Amount | None = None
    currency: CurrencyCode | None = None
    customer_id: BusinessId | None = None
    legal_entity: BusinessId | None = None
    allocations: Annotated[tuple[AllocationData, ...], Meta(max_length=MAX_ALLOCATIONS)] = ()
    reason: ShortText | None = None


class RefundPosted(_Message, frozen=True, kw_only=True, tag="refund-posted"):
    """What no invoice has of a payment or credit memo was paid out to the customer: one of both is named. `dispute` is
    the claim after payment that it answers."""

    refund_id: BusinessId
    payment_id: BusinessId | None = None
    credit_memo_id: BusinessId | None = None
    refunded_on: date
    currency: CurrencyCode
    amount: Amount
    dispute: DisputeName | None = None
    customer_id: BusinessId | None = None
    legal_entity: BusinessId | None = None
    reason: ShortText | None = None


class PayerIdentified(_Message, frozen=True, kw_only=True, tag="payer-identified"):
    """Whose a payment is that came without a customer."""

    payment_id: BusinessId
    customer_id: BusinessId
    identified_on: date
    legal_entity: BusinessId | None = None


class WriteOffPosted(_Message, frozen=True, kw_only=True, tag="write-off-posted"):
    """A part of an invoice was written off. `write_off_kind` says as what."""

    write_off_id: BusinessId
    invoice_id: BusinessId
    posted_on: date
    currency: CurrencyCode
    amount: Amount
    write_off_kind: Literal["small_difference", "bad_debt"]
    customer_id: BusinessId | None = None
    legal_entity: BusinessId | None = None
    reason: ShortText | None = None


class WriteOffReversed(_Message, frozen=True, kw_only=True, tag="write-off-reversed"):
    """A write-off is taken back. `amount` left out: all that is left of it. `reversal_id` is the ERP's own number of
    this step, where it has one; else the message is the step."""

    write_off_id: BusinessId
    invoice_id: BusinessId
    reversed_on: date
    reversal_id: BusinessId | None = None
    amount: Amount | None = None
    currency: CurrencyCode | None = None
    customer_id: BusinessId | None = None
    legal_entity: BusinessId | None = None
    reason: ShortText | None = None


class InvoiceCancelled(_Message, frozen=True, kw_only=True, tag="invoice-cancelled"):
    """An invoice is cancelled as a whole. Money and credits must be taken off it before."""

    invoice_id: BusinessId
    cancelled_on: date
    customer_id: BusinessId | None = None
    legal_entity: BusinessId | None = None
    reason: ShortText | None = None


class CollectionHandedOver(_Message, frozen=True, kw_only=True, tag="collection-handed-over"):
    """An agency or a lawyer collects the invoice from now on. `reference` is their file number."""

    invoice_id: BusinessId
    to: Literal["agency", "lawyer"]
    handed_on: date
    reference: BusinessId | None = None
    customer_id: BusinessId | None = None
    legal_entity: BusinessId | None = None


class CollectionTakenBack(_Message, frozen=True, kw_only=True, tag="collection-taken-back"):
    """We collect the invoice ourselves again."""

    invoice_id: BusinessId
    taken_back_on: date
    customer_id: BusinessId | None = None
    legal_entity: BusinessId | None = None


ErpMessage = (
    InvoicePosted
    | InvoiceCorrected
    | InvoiceCustomerChanged
    | InvoiceCancelled
    | CollectionHandedOver
    | CollectionTakenBack
    | CreditMemoPosted
    | CreditMemoReversed
    | PaymentReceived
    | PaymentReversed
    | PayerIdentified
    | ReceiptApplied
    | ReceiptUnapplied
    | RefundPosted
    | WriteOffPosted
    | WriteOffReversed
)
NO_CURRENCY = frozenset(
    {
        *("payment-reversed", "credit-memo-reversed", "invoice-cancelled", "payer-identified"),
        *("collection-handed-over", "collection-taken-back", "write-off-reversed"),
        "invoice-customer-changed",
    }
)
"""The kinds that need none: they may name no amount."""


class Unreadable(Exception):
    """The message is refused as it stands. `pointer` is inside the message; empty is the message itself."""

    def __init__(self, code: str, reason: str, pointer: str = "") -> None:
        super().__init__(reason)
        self.code = code
        self.pointer = pointer


_decoder = msgspec.json.Decoder(ErpMessage)

_NOT_TAKEN = dict.fromkeys(
    ("customer-changed", "customer-renumbered", "customer-merged"),
    "a customer that is renumbered or merged is not taken; an invoice that another customer owes from a day on is an "
    "invoice-customer-changed, one for each invoice",
)


class _Kind(Struct, frozen=True):
    kind: str


_kind = msgspec.json.Decoder(_Kind)


def read(raw: bytes) -> ErpMessage:
    """The message in these bytes. Unreadable says what is wrong and where."""
    if may_contain_null(raw) and (flaw := first_flaw(raw)) is not None:
        raise Unreadable(flaw.code, flaw.reason, flaw.pointer)
    try:
        return _checked(_decoder.decode(raw))
    except msgspec.ValidationError as wrong:
        _must_be_taken(raw)
        raise Unreadable("invalid_message", _reason(wrong), _pointer(wrong)) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as wrong:
        raise not_json(raw, wrong) from None


def _must_be_taken(raw: bytes) -> None:
    """A kind that senders may expect, and what to send instead."""
    try:
        kind = _kind.decode(raw).kind
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return  # what is wrong with it is known already
    if kind in _NOT_TAKEN:
        raise Unreadable("kind_not_taken", _NOT_TAKEN[kind], "/kind")


def not_json(raw: bytes, wrong: Exception) -> Unreadable:
    """Why the reader stopped at these bytes, and where, as far as that can be found."""
    if isinstance(wrong, RecursionError):
        return Unreadable("invalid_json", "nested too deeply")
    flaw = first_flaw(raw)
    return (
        Unreadable(flaw.code, flaw.reason, flaw.pointer) if flaw else Unreadable("invalid_json", f"not JSON: {wrong}")
    )


def convert(document: dict[str, object]) -> ErpMessage:
    """The message in a document that a mapping made. Unreadable as above, the pointer inside the document."""
    try:
        return _checked(msgspec.convert(document, ErpMessage))
    except msgspec.ValidationError as wrong:
        raise Unreadable("invalid_message", _reason(wrong), _pointer(wrong)) from None


def money(amount: Amount, currency: str, pointer: str) -> Money:
    """Exact money. Unreadable for a wrong currency, too many decimals, or no number at all."""
    value = amount
    if isinstance(value, AmountObject):
        if value.currency != currency:
            raise Unreadable(
                "currency_differs", f"the amount is in {value.currency[:10]}, the message in {currency}", pointer
            )
        value = value.amount
    try:
        digits = minor_digits(currency)
    except MoneyError as wrong:
        raise Unreadable("unknown_currency", str(wrong), "/currency") from None
    if not _is_plain(value):
        raise Unreadable("invalid_amount", "the amount is not a plain decimal number", pointer)
    if value.adjusted() >= _MAX_WHOLE_DIGITS:  # more than rounding could hold
        raise Unreadable("invalid_amount", f"{value} {currency} is beyond the accepted range", pointer)
    if value != round(value, digits):
        raise Unreadable("invalid_amount", f"the amount has more decimals than {currency} allows ({digits})", pointer)
    try:
        return parse_money(f"{value:.{digits}f}", currency)
    except MoneyError as wrong:
        raise Unreadable("invalid_amount", str(wrong), pointer) from None


def number_text(value: Decimal, pointer: str) -> str:
    """A quantity or a price of one unit, of any precision. Unreadable for what is no number to be written down."""
    if not _is_plain(value) or len(value.as_tuple().digits) > _MAX_DIGITS:
        raise Unreadable("invalid_number", "the number is not a plain decimal number", pointer)
    return str(value)


def _is_plain(value: Decimal) -> bool:
    return value.is_finite() and abs(value.adjusted()) <= _MAX_EXPONENT


_DAYS = (
    *("issued_on", "due_on", "received_on", "reversed_on", "corrected_on"),
    *("applied_on", "unapplied_on", "refunded_on", "posted_on", "cancelled_on", "identified_on"),
    *("handed_on", "taken_back_on", "changed_on"),
)


def _checked(message: ErpMessage) -> ErpMessage:
    for field in _DAYS:
        day = getattr(message, field, None)
        if day is not None and not EARLIEST <= day <= LATEST:
            raise Unreadable("invalid_date", f"{day} is not between {EARLIEST} and {LATEST}", f"/{field}")
    return message


_AT = re.compile(r" - at `([^`]*)`$")
_FIELD = re.compile(r"field `([^`]*)`")


def _reason(wrong: msgspec.ValidationError) -> str:
    if repr(business_ids.PYTHON_PATTERN) in str(wrong):
        return f"an id has {business_ids.ALLOWED}"
    return _AT.sub("", str(wrong)).replace("`", "'")


def _pointer(wrong: msgspec.ValidationError) -> str:
    text = str(wrong)
    at = _AT.search(text)
    path = at.group(1).removeprefix("$") if at else ""
    pointer = re.sub(r"\.([^.\[]+)|\[(\d+)\]", lambda m: f"/{m.group(1) or m.group(2)}", path)
    named = _FIELD.search(text)
    return f"{pointer}/{named.group(1)}" if named else pointer
