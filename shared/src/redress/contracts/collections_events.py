"""The events that collections-service publishes on `redress.collections.v1`.

Item events carry the invoice as it is afterwards.
"""

from datetime import date

from msgspec import Struct

from redress.contracts.common import WireMoney

TOPIC = "redress.collections.v1"
SOURCE = "/redress/collections-service/main"


class InvoiceLine(Struct, frozen=True, kw_only=True):
    line: str
    amount: WireMoney


class InvoiceSummary(Struct, frozen=True, kw_only=True):
    """An open item after the event. `open` is what is not paid, credited or written off; `disputed` is the held part of
    it. An invoice that was cancelled keeps its total, and nothing of it is open."""

    invoice_id: str
    legal_entity: str
    customer_id: str
    issued_on: date
    due_on: date
    currency: str
    total: WireMoney
    open: WireMoney
    disputed: WireMoney
    lines: tuple[InvoiceLine, ...] = ()


class InvoiceRegistered(Struct, frozen=True, kw_only=True, tag="invoice-registered", tag_field="type"):
    """The ERP posted an invoice."""

    invoice: InvoiceSummary


class InvoiceChanged(Struct, frozen=True, kw_only=True, tag="invoice-changed", tag_field="type"):
    """The ERP corrected an invoice; `invoice` has the new total, dates and lines."""

    invoice: InvoiceSummary


class PaymentApplied(Struct, frozen=True, kw_only=True, tag="payment-applied", tag_field="type"):
    """Cash was applied to one invoice. `applied` is this allocation; `received_on` is the bank's value date."""

    invoice: InvoiceSummary
    payment_id: str
    received_on: date
    applied: WireMoney


class PaymentReversed(Struct, frozen=True, kw_only=True, tag="payment-reversed", tag_field="type"):
    """An applied payment came back, as a whole or in part (returned debit, bounced cheque); the invoice is open by
    `amount` again."""

    invoice: InvoiceSummary
    payment_id: str
    reversed_on: date
    amount: WireMoney


class CreditMemoApplied(Struct, frozen=True, kw_only=True, tag="credit-memo-applied", tag_field="type"):
    """The ERP credited part of the invoice. `dispute_id` is the dispute that the ERP named; None if it named none."""

    invoice: InvoiceSummary
    credit_memo_id: str
    issued_on: date
    applied: WireMoney
    dispute_id: str | None = None


class PaymentUnapplied(Struct, frozen=True, kw_only=True, tag="payment-unapplied", tag_field="type"):
    """The ERP took `amount` of a payment off the invoice, to use it otherwise; the invoice is open by it again."""

    invoice: InvoiceSummary
    payment_id: str
    unapplied_on: date
    amount: WireMoney


class CreditMemoUnapplied(Struct, frozen=True, kw_only=True, tag="credit-memo-unapplied", tag_field="type"):
    """The ERP took `amount` of a credit memo off the invoice, to use it otherwise; it is open by it again."""

    invoice: InvoiceSummary
    credit_memo_id: str
    unapplied_on: date
    amount: WireMoney


class CreditMemoReversed(Struct, frozen=True, kw_only=True, tag="credit-memo-reversed", tag_field="type"):
    """`amount` of a credit memo was cancelled; the invoice is open by it again."""

    invoice: InvoiceSummary
    credit_memo_id: str
    reversed_on: date
    amount: WireMoney


class WriteOffPosted(Struct, frozen=True, kw_only=True, tag="write-off-posted", tag_field="type"):
    """The ERP wrote off `amount` of the invoice. `kind` is small_difference or bad_debt: neither is a credit."""

    invoice: InvoiceSummary
    write_off_id: str
    posted_on: date
    kind: str
    amount: WireMoney


class InvoiceCancelled(Struct, frozen=True, kw_only=True, tag="invoice-cancelled", tag_field="type"):
    """The ERP cancelled the invoice: nothing of it is owed."""

    invoice: InvoiceSummary
    cancelled_on: date


class CollectionHandedOver(Struct, frozen=True, kw_only=True, tag="collection-handed-over", tag_field="type"):
    """Somebody else collects the invoice: `to` is agency or lawyer. Nobody of ours reminds the customer of it."""

    invoice: InvoiceSummary
    to: str
    handed_on: date


class CollectionTakenBack(Struct, frozen=True, kw_only=True, tag="collection-taken-back", tag_field="type"):
    """We collect the invoice ourselves again."""

    invoice: InvoiceSummary
    taken_back_on: date


class ShortPaymentDetected(Struct, frozen=True, kw_only=True, tag="short-payment-detected", tag_field="type"):
    """A payment named an invoice and was less than its open amount by more than the tolerance.

    `short` is what is missing; `remittance_reason` is the payer's own words or code, None if none were given.
    """

    invoice: InvoiceSummary
    payment_id: str
    received_on: date
    short: WireMoney
    tolerance_policy: str
    remittance_reason: str | None = None


class HoldPlaced(Struct, frozen=True, kw_only=True, tag="dispute-hold-placed", tag_field="type"):
    """The disputed part of an invoice must not be chased. `held` is what this dispute holds now."""

    invoice: InvoiceSummary
    dispute_id: str
    held: WireMoney


class HoldReleased(Struct, frozen=True, kw_only=True, tag="dispute-hold-released", tag_field="type"):
    """A dispute no longer holds `released`; `held` is what it still holds. `why` says what became of it."""

    invoice: InvoiceSummary
    dispute_id: str
    released: WireMoney
    held: WireMoney
    why: str


class RecoveryTaskChanged(Struct, frozen=True, kw_only=True, tag="recovery-task-changed", tag_field="type"):
    """The live task of a dispute on an invoice after a change. `state` is open, taken, done or closed; `why` is the
    reason of a handing over, the result, or why it was closed."""

    invoice: InvoiceSummary
    dispute_id: str
    state: str
    amount: WireMoney
    owner: str | None = None
    why: str | None = None


class RecoveryTaskOpened(Struct, frozen=True, kw_only=True, tag="recovery-task-opened", tag_field="type"):
    """A disputed amount was found invalid and is to be collected again."""

    invoice: InvoiceSummary
    dispute_id: str
    amount: WireMoney


class UnappliedCashChanged(Struct, frozen=True, kw_only=True, tag="unapplied-cash-changed", tag_field="type"):
    """A receipt has money that no invoice has taken. `unapplied` is what is left of it now; `customer_id` is empty as
    long as nobody knows the payer."""

    payment_id: str
    customer_id: str
    received_on: date
    unapplied: WireMoney


class RefundPosted(Struct, frozen=True, kw_only=True, tag="refund-posted", tag_field="type"):
    """Unapplied money of a receipt was paid out. `receipt_kind` is payment or credit_memo; `unapplied` is what is left
    of the receipt that no invoice has."""

    refund_id: str
    receipt_kind: str
    receipt_id: str
    customer_id: str
    refunded_on: date
    amount: WireMoney
    unapplied: WireMoney


CollectionsEvent = (
    InvoiceRegistered
    | InvoiceChanged
    | PaymentApplied
    | PaymentReversed
    | CreditMemoApplied
    | PaymentUnapplied
    | CreditMemoUnapplied
    | CreditMemoReversed
    | WriteOffPosted
    | InvoiceCancelled
    | CollectionHandedOver
    | CollectionTakenBack
    | ShortPaymentDetected
    | HoldPlaced
    | HoldReleased
    | RecoveryTaskOpened
    | RecoveryTaskChanged
    | UnappliedCashChanged
    | RefundPosted
)
