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
    """An open item after the event. `open` is what is not paid, credited, written off or granted as cash discount;
    `disputed` is the held part of it. An invoice that was cancelled keeps its total, and nothing of it is open.

    The cash discount: `discount_percent` (decimal text) within `discount_days` of the issue date, and
    `discount_granted` so far. `withheld_tax` is the open, undisputed part that waits for a tax certificate. `paid` is
    what payments have left on it. None where the publisher does not say.

    An invoice is known by `legal_entity` and `invoice_id`. `first_entity` is the legal entity whose invoice with this
    number was posted before this one; None: this is the first, which is meant where a number alone is named.
    """

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
    discount_percent: str | None = None
    discount_days: int | None = None
    discount_granted: WireMoney | None = None
    withheld_tax: WireMoney | None = None
    first_entity: str | None = None
    paid: WireMoney | None = None


class InvoiceRegistered(Struct, frozen=True, kw_only=True, tag="invoice-registered", tag_field="type"):
    """The ERP posted an invoice."""

    invoice: InvoiceSummary


class InvoiceChanged(Struct, frozen=True, kw_only=True, tag="invoice-changed", tag_field="type"):
    """The ERP corrected an invoice; `invoice` has the new total, dates and lines. They count from `corrected_on`; with
    `corrects_from_start` on the days before as well, which are answered anew. None where the publisher does not say."""

    invoice: InvoiceSummary
    corrected_on: date | None = None
    corrects_from_start: bool = False


class InvoiceCustomerChanged(Struct, frozen=True, kw_only=True, tag="invoice-customer-changed", tag_field="type"):
    """Another customer owes the invoice from `changed_on` on; what was paid and credited stays on it."""

    invoice: InvoiceSummary
    previous_customer_id: str
    changed_on: date


class PaymentApplied(Struct, frozen=True, kw_only=True, tag="payment-applied", tag_field="type"):
    """Cash was applied to one invoice. `applied` is this allocation; `received_on` is the bank's value date.
    `under_protest`: what was disputed of it is disputed still.

    A payment is known by `source`, the ERP that posted it, and `payment_id`; so in every event about one, and a credit
    memo likewise. An empty `source` is one that was published before it was named.
    """

    invoice: InvoiceSummary
    payment_id: str
    received_on: date
    applied: WireMoney
    source: str = ""
    under_protest: bool = False


class PaymentReversed(Struct, frozen=True, kw_only=True, tag="payment-reversed", tag_field="type"):
    """An applied payment came back, as a whole or in part (returned debit, bounced cheque); the invoice is open by
    `amount` again. `left` is what the invoice still has of the payment; None where the publisher does not say."""

    invoice: InvoiceSummary
    payment_id: str
    reversed_on: date
    amount: WireMoney
    source: str = ""
    left: WireMoney | None = None


class DiscountGranted(Struct, frozen=True, kw_only=True, tag="discount-granted", tag_field="type"):
    """A payment earned the agreed cash discount: `granted` need not be paid any more."""

    invoice: InvoiceSummary
    source: str
    payment_id: str
    granted: WireMoney


class DiscountWithdrawn(Struct, frozen=True, kw_only=True, tag="discount-withdrawn", tag_field="type"):
    """A payment that had earned the discount came back: `amount`, granted with this payment, is open again."""

    invoice: InvoiceSummary
    source: str
    payment_id: str
    amount: WireMoney


class CreditMemoApplied(Struct, frozen=True, kw_only=True, tag="credit-memo-applied", tag_field="type"):
    """The ERP credited part of the invoice. `dispute_id` is the dispute that the ERP named; None if it named none."""

    invoice: InvoiceSummary
    credit_memo_id: str
    issued_on: date
    applied: WireMoney
    dispute_id: str | None = None
    source: str = ""


class PaymentUnapplied(Struct, frozen=True, kw_only=True, tag="payment-unapplied", tag_field="type"):
    """The ERP took `amount` of a payment off the invoice, to use it otherwise; the invoice is open by it again. `left`
    as for a reversed payment."""

    invoice: InvoiceSummary
    payment_id: str
    unapplied_on: date
    amount: WireMoney
    source: str = ""
    left: WireMoney | None = None


class CreditMemoUnapplied(Struct, frozen=True, kw_only=True, tag="credit-memo-unapplied", tag_field="type"):
    """The ERP took `amount` of a credit memo off the invoice, to use it otherwise; it is open by it again."""

    invoice: InvoiceSummary
    credit_memo_id: str
    unapplied_on: date
    amount: WireMoney
    source: str = ""


class CreditMemoReversed(Struct, frozen=True, kw_only=True, tag="credit-memo-reversed", tag_field="type"):
    """`amount` of a credit memo was cancelled; the invoice is open by it again."""

    invoice: InvoiceSummary
    credit_memo_id: str
    reversed_on: date
    amount: WireMoney
    source: str = ""


class WriteOffPosted(Struct, frozen=True, kw_only=True, tag="write-off-posted", tag_field="type"):
    """The ERP wrote off `amount` of the invoice. `kind` is small_difference or bad_debt: neither is a credit."""

    invoice: InvoiceSummary
    write_off_id: str
    posted_on: date
    kind: str
    amount: WireMoney
    source: str = ""


class WriteOffReversed(Struct, frozen=True, kw_only=True, tag="write-off-reversed", tag_field="type"):
    """The ERP took `amount` of a write-off back; the invoice is open by it again."""

    invoice: InvoiceSummary
    source: str
    write_off_id: str
    reversed_on: date
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
    """A payment left more than the tolerance open, and that is a deduction: the payer says so, or it is a small
    difference after the due date that nobody explained.

    `short` is what is missing; `remittance_reason` is the payer's own words or code, `claim_number` the payer's own
    number of the matter, `settles_in_full` whether the remittance claims that nothing more is owed; None where the
    payer says nothing.
    """

    invoice: InvoiceSummary
    payment_id: str
    received_on: date
    short: WireMoney
    tolerance_policy: str
    remittance_reason: str | None = None
    claim_number: str | None = None
    settles_in_full: bool | None = None
    source: str = ""


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
    long as nobody knows the payer, `legal_entity` is None where the ERP does not say whose receipt it is."""

    payment_id: str
    customer_id: str
    received_on: date
    unapplied: WireMoney
    source: str = ""
    legal_entity: str | None = None


class CreditMeantFor(Struct, frozen=True, kw_only=True):
    """`amount` of a credit on account answers a claim after payment: of `invoice_id`, which had nothing open for it
    (None: the ERP named none), by the dispute `dispute_id` that the ERP named (None: it named none). `legal_entity` is
    whose invoice it is; None: of the first with the number."""

    invoice_id: str | None
    dispute_id: str | None
    amount: WireMoney
    legal_entity: str | None = None


class CreditOnAccountPosted(Struct, frozen=True, kw_only=True, tag="credit-on-account-posted", tag_field="type"):
    """The ERP credited the customer, and no invoice took `unapplied` of it. `meant_for` says what of that answers whom;
    empty where the ERP says nothing."""

    source: str
    credit_memo_id: str
    customer_id: str
    issued_on: date
    unapplied: WireMoney
    meant_for: tuple[CreditMeantFor, ...] = ()


class CreditOnAccountReversed(Struct, frozen=True, kw_only=True, tag="credit-on-account-reversed", tag_field="type"):
    """A credit memo was cancelled, and `amount` of that had been on account. `meant_for` as when it was posted."""

    source: str
    credit_memo_id: str
    customer_id: str
    reversed_on: date
    amount: WireMoney
    meant_for: tuple[CreditMeantFor, ...] = ()


class RefundPosted(Struct, frozen=True, kw_only=True, tag="refund-posted", tag_field="type"):
    """Unapplied money of a receipt was paid out. `receipt_kind` is payment or credit_memo; `unapplied` is what is left
    of the receipt that no invoice has. `dispute_id` is the claim after payment that the ERP says it answers."""

    refund_id: str
    receipt_kind: str
    receipt_id: str
    customer_id: str
    refunded_on: date
    amount: WireMoney
    unapplied: WireMoney
    legal_entity: str | None = None
    source: str = ""
    dispute_id: str | None = None


class WorkingHours(Struct, frozen=True, kw_only=True):
    """The working days of a country (ISO 3166-1 alpha-2) or of a part of it, from `opens` to `closes` (HH:MM) by the
    clocks of the entity's zone."""

    country: str
    opens: str
    closes: str
    subdivision: str | None = None


class SenderIdentity(Struct, frozen=True, kw_only=True):
    """As whom the entity writes. `reply_to` None: answers go to the address that the mail comes from."""

    name: str
    address: tuple[str, ...] = ()
    reply_to: str | None = None


class LegalEntity(Struct, frozen=True, kw_only=True):
    """`zone` is a name of the IANA time zone database: the entity's business day is the day there."""

    code: str
    zone: str
    calendar: WorkingHours
    currency: str
    sender: SenderIdentity


class LegalEntityChanged(Struct, frozen=True, kw_only=True, tag="legal-entity-changed", tag_field="type"):
    """A legal entity was described, or described anew: all of it, as it is from now on."""

    legal_entity: LegalEntity


CollectionsEvent = (
    InvoiceRegistered
    | InvoiceChanged
    | InvoiceCustomerChanged
    | PaymentApplied
    | PaymentReversed
    | DiscountGranted
    | DiscountWithdrawn
    | CreditMemoApplied
    | PaymentUnapplied
    | CreditMemoUnapplied
    | CreditMemoReversed
    | WriteOffPosted
    | WriteOffReversed
    | InvoiceCancelled
    | CollectionHandedOver
    | CollectionTakenBack
    | ShortPaymentDetected
    | HoldPlaced
    | HoldReleased
    | RecoveryTaskOpened
    | RecoveryTaskChanged
    | UnappliedCashChanged
    | CreditOnAccountPosted
    | CreditOnAccountReversed
    | RefundPosted
    | LegalEntityChanged
)
