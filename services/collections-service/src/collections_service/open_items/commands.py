"""Messages of the ERP and of dispute-service about one invoice, before their meaning is decided."""

from datetime import date

from msgspec import Struct

from collections_service.open_items.events import CashDiscount, Line
from redress.money import Money


class RegisterInvoice(Struct, frozen=True, kw_only=True):
    invoice_id: str
    source: str
    legal_entity: str
    customer_id: str
    issued_on: date
    due_on: date
    total: Money
    tax: Money | None = None
    lines: tuple[Line, ...] = ()
    po_number: str | None = None
    discount: CashDiscount | None = None


class CorrectInvoice(Struct, frozen=True, kw_only=True):
    """None leaves a field as it is; a discount of 0 per cent is none.

    Customer, currency and issue date cannot change: the ERP credits and posts anew."""

    invoice_id: str
    corrected_on: date
    currency: str | None = None
    customer_id: str | None = None
    issued_on: date | None = None
    due_on: date | None = None
    total: Money | None = None
    tax: Money | None = None
    lines: tuple[Line, ...] | None = None
    po_number: str | None = None
    discount: CashDiscount | None = None


class ApplyPayment(Struct, frozen=True, kw_only=True):
    """`named` is what the payer meant for this invoice; more than is open is not applied here.

    The payer's words: `remittance_reason` and `payment_claim` are about the whole payment, `claim_number`,
    `settles_in_full` (False: it is a part payment) and `withheld_tax` about this invoice.
    """

    source: str
    payment_id: str
    received_on: date
    named: Money
    remittance_reason: str | None = None
    payment_claim: str | None = None
    claim_number: str | None = None
    settles_in_full: bool | None = None
    withheld_tax: Money | None = None


class ReversePayment(Struct, frozen=True, kw_only=True):
    source: str
    payment_id: str
    reversed_on: date


class ApplyCreditMemo(Struct, frozen=True, kw_only=True):
    source: str
    credit_memo_id: str
    issued_on: date
    named: Money


class ReportDispute(Struct, frozen=True, kw_only=True):
    """One version of a dispute as it concerns this invoice, summed over its lines; amounts are totals after it.

    `outcome` is the reason a smaller claim is given in words: paid by the customer, withdrawn, rejected. `given_up`:
    nobody contests it any more, and nothing was decided about it.
    """

    dispute_id: str
    dispute_version: int
    opened_on: date
    effective_on: date
    claimed: Money
    awaiting_credit: Money
    rejected: Money
    outcome: str
    given_up: bool = False
