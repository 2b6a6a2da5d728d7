"""Messages of the ERP and of dispute-service about one invoice, before their meaning is decided."""

from datetime import date, datetime

from msgspec import Struct

from collections_service.open_items.events import CashDiscount, Line
from redress.money import Money


class RegisterInvoice(Struct, frozen=True, kw_only=True):
    """`first_entity` is the legal entity that has the number's own stream, where that is another one."""

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
    first_entity: str | None = None


class CorrectInvoice(Struct, frozen=True, kw_only=True):
    """None leaves a field as it is; a discount of 0 per cent is none. It counts from `corrected_on`, or, where it mends
    an error that was there `from_start`, on all days.

    Customer, currency and issue date are not corrected: see `ChangeCustomer`, or the ERP credits and posts anew.
    `legal_entity` says whose invoice it is, here and below; None: the number alone does."""

    invoice_id: str
    legal_entity: str | None = None
    corrected_on: date
    from_start: bool = False
    currency: str | None = None
    customer_id: str | None = None
    issued_on: date | None = None
    due_on: date | None = None
    total: Money | None = None
    tax: Money | None = None
    lines: tuple[Line, ...] | None = None
    po_number: str | None = None
    discount: CashDiscount | None = None


class ChangeCustomer(Struct, frozen=True, kw_only=True):
    """Another customer owes the invoice from `changed_on` on."""

    invoice_id: str
    legal_entity: str | None = None
    customer_id: str
    changed_on: date
    reason: str | None = None


class ApplyPayment(Struct, frozen=True, kw_only=True):
    """`named` is what the payer meant for this invoice; more than is open is not applied here.

    The payer's words: `remittance_reason` and `payment_claim` are about the whole payment, `claim_number`,
    `settles_in_full` (False: it is a part payment), `withheld_tax` and `under_protest` (what was disputed of it is
    disputed still) about this invoice. `from_day` is the first day on which the money can count here; None: the day it
    was received.
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
    under_protest: bool = False
    from_day: date | None = None


class ReversePayment(Struct, frozen=True, kw_only=True):
    """`amount` None: all of it that the invoice has."""

    source: str
    payment_id: str
    reversed_on: date
    amount: Money | None = None


class UnapplyPayment(Struct, frozen=True, kw_only=True):
    source: str
    payment_id: str
    unapplied_on: date
    amount: Money


class ApplyCreditMemo(Struct, frozen=True, kw_only=True):
    """`dispute_id` is the dispute that the ERP says it credits, as `dsp_…`; `from_day` as for a payment."""

    source: str
    credit_memo_id: str
    issued_on: date
    named: Money
    dispute_id: str | None = None
    from_day: date | None = None


class ReverseCreditMemo(Struct, frozen=True, kw_only=True):
    source: str
    credit_memo_id: str
    reversed_on: date
    amount: Money


class UnapplyCreditMemo(Struct, frozen=True, kw_only=True):
    source: str
    credit_memo_id: str
    unapplied_on: date
    amount: Money


class PostWriteOff(Struct, frozen=True, kw_only=True):
    """`kind` is small_difference or bad_debt."""

    source: str
    write_off_id: str
    invoice_id: str
    legal_entity: str | None = None
    posted_on: date
    amount: Money
    kind: str
    reason: str | None = None


class ReverseWriteOff(Struct, frozen=True, kw_only=True):
    """`amount` None: all that is left of it. `reversal_id` is the ERP's own name of this step."""

    source: str
    write_off_id: str
    invoice_id: str
    legal_entity: str | None = None
    reversal_id: str
    reversed_on: date
    amount: Money | None = None
    reason: str | None = None


class HandOverCollection(Struct, frozen=True, kw_only=True):
    """`to` is agency or lawyer, `reference` their file number."""

    invoice_id: str
    legal_entity: str | None = None
    to: str
    handed_on: date
    reference: str | None = None


class TakeCollectionBack(Struct, frozen=True, kw_only=True):
    invoice_id: str
    legal_entity: str | None = None
    taken_back_on: date


class CancelInvoice(Struct, frozen=True, kw_only=True):
    invoice_id: str
    legal_entity: str | None = None
    cancelled_on: date
    reason: str | None = None


class ReportDispute(Struct, frozen=True, kw_only=True):
    """One version of a dispute as it concerns this invoice, summed over its lines; amounts are totals after it.

    `outcome` is the reason a smaller claim is given in words: paid by the customer, withdrawn, rejected. `given_up`:
    nobody contests it any more, and nothing was decided about it. `by_credit_memo`: it is the answer to one;
    `by_posting`: to a posting of the ledger. `recorded_on` is the business day on which it was said. `legal_entity` is
    whose invoice it is; None: of the first with the number.
    """

    dispute_id: str
    dispute_version: int
    opened_on: date
    opened_at: datetime | None = None
    effective_on: date
    claimed: Money
    awaiting_credit: Money
    rejected: Money
    outcome: str
    given_up: bool = False
    by_credit_memo: bool = False
    by_posting: bool = False
    recorded_on: date | None = None
    legal_entity: str | None = None


class TakeRecoveryTask(Struct, frozen=True, kw_only=True):
    """The person `by` takes the `number`-th task of the dispute."""

    dispute_id: str
    number: int
    by: str


class HandOverRecoveryTask(Struct, frozen=True, kw_only=True):
    """To another person, or with `to` None back to everybody."""

    dispute_id: str
    number: int
    to: str | None
    reason: str


class FinishRecoveryTask(Struct, frozen=True, kw_only=True):
    dispute_id: str
    number: int
    by: str
    result: str


RecoveryTaskCommand = TakeRecoveryTask | HandOverRecoveryTask | FinishRecoveryTask
