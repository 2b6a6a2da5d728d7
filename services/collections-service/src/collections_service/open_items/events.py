"""Everything that can have happened to one invoice.

Dates are business dates. An event that moves money says from which day the move counts in the books (`applied_on`,
`effective_on`, or its steps); the log itself knows when it was recorded.
"""

from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final

from msgspec import Struct

from redress.codec import Codec, fields_added
from redress.money import Money


class Step(Struct, frozen=True):
    """A change of an amount by `minor` from the day `on`."""

    on: date
    minor: int


class Line(Struct, frozen=True, kw_only=True):
    """One line as the ERP posted it. Quantity and unit price are decimal text, of any precision."""

    line: str
    amount: Money
    description: str | None = None
    quantity: str | None = None
    unit_price: str | None = None


class CashDiscount(Struct, frozen=True):
    """`percent` of what is paid within `days` of the issue date need not be paid."""

    percent: Decimal
    days: int


class ServedCredit(Struct, frozen=True):
    """The part of a credit memo that a dispute was waiting for, in minor units of the invoice's currency."""

    dispute_id: str
    minor: int


class InvoiceRegistered(Struct, frozen=True, kw_only=True):
    """The ERP posted an invoice; `source` is the ERP that did. `first_entity` is the legal entity that had used this
    number before, where one had."""

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


class NumberShared(Struct, frozen=True, kw_only=True):
    """Another legal entity posted an invoice with this number, on a stream of its own. What disputes had said about
    that entity's invoice before has gone there."""

    legal_entity: str


class InvoiceCorrected(Struct, frozen=True, kw_only=True):
    """The ERP corrected an invoice; the fields are the new ones.

    `change` is what the total changed by, in minor units: by `steps`, the first of them on `effective_on`, so that on
    every later day the invoice asks for the new total. Without steps (before there were any) the change is one, on that
    day. The due date counts from `due_from`; None: it is not changed. `from_start`: there was an error from the start,
    so that the days before `corrected_on` are answered anew.
    """

    corrected_on: date
    effective_on: date
    due_on: date
    total: Money
    change: int
    tax: Money | None
    lines: tuple[Line, ...]
    po_number: str | None
    discount: CashDiscount | None = None
    steps: tuple[Step, ...] = ()
    due_from: date | None = None
    from_start: bool = False


class InvoiceCustomerChanged(Struct, frozen=True, kw_only=True):
    """Another customer owes the invoice from `effective_on` on. What was paid and credited stays as it is."""

    customer_id: str
    previous_customer_id: str
    changed_on: date
    effective_on: date
    reason: str | None = None


class PaymentApplied(Struct, frozen=True, kw_only=True):
    """`amount` of a receipt was applied. `received_on` is the bank's value date; `applied_on` is the first day from
    then on that the invoice has room for it (an invoice cannot be paid before it was issued).

    The payer's own words, as far as there are any: `remittance_reason` and `payment_claim` about the whole payment,
    `claim_number`, `settles_in_full`, `withheld_tax` and `under_protest` about this invoice.
    """

    source: str
    payment_id: str
    received_on: date
    applied_on: date
    amount: Money
    remittance_reason: str | None = None
    payment_claim: str | None = None
    claim_number: str | None = None
    settles_in_full: bool | None = None
    withheld_tax: Money | None = None
    under_protest: bool = False


class PaymentReversed(Struct, frozen=True, kw_only=True):
    """`amount` of an applied payment came back; the invoice is open by it again from `effective_on`."""

    source: str
    payment_id: str
    reversed_on: date
    effective_on: date
    amount: Money


class DiscountGranted(Struct, frozen=True, kw_only=True):
    """A payment earned `amount` of the agreed cash discount: the invoice is open by so much less from `applied_on`."""

    source: str
    payment_id: str
    applied_on: date
    amount: Money
    explanation: str


class DiscountWithdrawn(Struct, frozen=True, kw_only=True):
    """A payment that the discount was earned by came back: what this payment had been granted is open again."""

    source: str
    payment_id: str
    effective_on: date
    amount: Money


class CreditMemoApplied(Struct, frozen=True, kw_only=True):
    """The ERP credited part of the invoice. `dispute_id` is the dispute that the ERP names, as `dsp_…`.

    `serves` is of the time before 0032, when the ledger itself said which disputes a credit memo serves; empty since.
    """

    source: str
    credit_memo_id: str
    issued_on: date
    applied_on: date
    amount: Money
    serves: tuple[ServedCredit, ...] = ()
    dispute_id: str | None = None


class PaymentUnapplied(Struct, frozen=True, kw_only=True):
    """The ERP took `amount` of a payment off the invoice: it is unapplied cash again, and the invoice is open by it."""

    source: str
    payment_id: str
    unapplied_on: date
    effective_on: date
    amount: Money


class CreditMemoUnapplied(Struct, frozen=True, kw_only=True):
    """The ERP took `amount` of a credit memo off the invoice: it is credit on account again."""

    source: str
    credit_memo_id: str
    unapplied_on: date
    effective_on: date
    amount: Money


class CreditMemoReversed(Struct, frozen=True, kw_only=True):
    """`amount` of a credit memo was cancelled; the invoice is open by it again."""

    source: str
    credit_memo_id: str
    reversed_on: date
    effective_on: date
    amount: Money


class WriteOffPosted(Struct, frozen=True, kw_only=True):
    """The ERP wrote off `amount` of the invoice. `kind` is small_difference or bad_debt."""

    source: str
    write_off_id: str
    posted_on: date
    applied_on: date
    amount: Money
    kind: str
    reason: str | None = None


class WriteOffReversed(Struct, frozen=True, kw_only=True):
    """`amount` of a write-off was taken back; the invoice is open by it again from `effective_on`."""

    source: str
    write_off_id: str
    reversal_id: str
    reversed_on: date
    effective_on: date
    amount: Money
    reason: str | None = None


class InvoiceCancelled(Struct, frozen=True, kw_only=True):
    """The ERP cancelled the invoice; `change` is what that takes from the open amount, below zero, from
    `effective_on`."""

    cancelled_on: date
    effective_on: date
    change: int
    reason: str | None = None


class CollectionHandedOver(Struct, frozen=True, kw_only=True):
    """Somebody else collects the invoice from `handed_on` on: `to` is agency or lawyer, `reference` is their file
    number."""

    to: str
    handed_on: date
    reference: str | None = None


class CollectionTakenBack(Struct, frozen=True, kw_only=True):
    """We collect the invoice ourselves again."""

    taken_back_on: date


class ShortPaymentDetected(Struct, frozen=True, kw_only=True):
    """A payment left `short` of this invoice open and undisputed, more than `tolerated`, and it is a deduction: the
    payer says so (a reason, a claim number, a remittance that claims to settle in full), or it is a small difference
    that nobody explained. `explanation` says which."""

    source: str
    payment_id: str
    received_on: date
    short: Money
    tolerated: Money
    policy: str
    explanation: str
    remittance_reason: str | None = None
    claim_number: str | None = None
    settles_in_full: bool | None = None


class RemainderLeft(Struct, frozen=True, kw_only=True):
    """A payment left `remainder` open, and that is no deduction; `why` is one of `open_items/remainders.py`.

    Where disputes hold the remainder it is judged when they let go of it, by the policy that is recorded here:
    `difference` is the largest one that would have been a deduction without a word of the payer.
    """

    source: str
    payment_id: str
    received_on: date
    remainder: Money
    tolerated: Money
    difference: Money
    policy: str
    why: str
    explanation: str


class RemainderTolerated(Struct, frozen=True, kw_only=True):
    """What `RemainderLeft` was once, when a remainder was either tolerated or short. No longer recorded."""

    source: str
    payment_id: str
    received_on: date
    remainder: Money
    tolerated: Money
    policy: str
    explanation: str


class DisputeReported(Struct, frozen=True, kw_only=True):
    """dispute-service said how much of this invoice a dispute claims now.

    `claimed` is the claim after it, `change` what that adds from `effective_on`; `awaiting_credit` and `rejected` are
    totals after it. Recorded for an invoice that is not registered yet too: the hold follows when the invoice arrives.
    `opened_at` orders the disputes of an invoice; None in older events, where the beginning of `opened_on` does.
    `legal_entity` is whose invoice the dispute means; None where it means the first with the number.
    """

    dispute_id: str
    dispute_version: int
    opened_on: date
    effective_on: date
    currency: str
    claimed: int
    change: int
    awaiting_credit: int
    rejected: int
    outcome: str
    opened_at: datetime | None = None
    legal_entity: str | None = None


class HoldPlaced(Struct, frozen=True, kw_only=True):
    """More of the invoice must not be chased. `held` is what this dispute holds now; `steps` say from which days."""

    dispute_id: str
    steps: tuple[Step, ...]
    held: Money


class HoldReduced(Struct, frozen=True, kw_only=True):
    """A dispute holds less, but still something."""

    dispute_id: str
    steps: tuple[Step, ...]
    held: Money
    released: Money
    why: str


class HoldReleased(Struct, frozen=True, kw_only=True):
    """A dispute holds nothing any more."""

    dispute_id: str
    steps: tuple[Step, ...]
    released: Money
    why: str


class PastHoldRecorded(Struct, frozen=True, kw_only=True):
    """A dispute held something on past days only, and it became known afterwards. Nothing changes today."""

    dispute_id: str
    steps: tuple[Step, ...]


class CreditAwaited(Struct, frozen=True, kw_only=True):
    """A dispute was granted a credit: `amount` in all is held until the ERP's credit memo arrives."""

    dispute_id: str
    amount: Money


class RecoveryTaskOpened(Struct, frozen=True, kw_only=True):
    """`amount` was disputed, found invalid, and is open: it is to be collected again. A dispute has one task at a time
    on an invoice; another one takes the place of the one before."""

    dispute_id: str
    amount: Money


class RecoveryTaskResized(Struct, frozen=True, kw_only=True):
    """More or less is to be collected: `amount` in all."""

    dispute_id: str
    amount: Money


class RecoveryTaskAssigned(Struct, frozen=True, kw_only=True):
    """A person took the task, or it was handed over; `owner` None puts it back. `reason` is None where it was taken."""

    dispute_id: str
    owner: str | None
    previous_owner: str | None
    reason: str | None


class RecoveryTaskDone(Struct, frozen=True, kw_only=True):
    """The collecting is over for the person `by`; `result` is what came of it."""

    dispute_id: str
    by: str
    result: str


class RecoveryTaskClosed(Struct, frozen=True, kw_only=True):
    """Nothing of it is to be collected any more: the dispute goes on, or nothing of it is rejected."""

    dispute_id: str
    why: str


RecoveryTaskEvent = (
    RecoveryTaskOpened | RecoveryTaskResized | RecoveryTaskAssigned | RecoveryTaskDone | RecoveryTaskClosed
)

OpenItemEvent = (
    InvoiceRegistered
    | NumberShared
    | InvoiceCorrected
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
    | RemainderLeft
    | RemainderTolerated
    | DisputeReported
    | HoldPlaced
    | HoldReduced
    | HoldReleased
    | PastHoldRecorded
    | CreditAwaited
    | RecoveryTaskOpened
    | RecoveryTaskResized
    | RecoveryTaskAssigned
    | RecoveryTaskDone
    | RecoveryTaskClosed
)


def _due_from_the_day_it_was_corrected(older: dict[str, Any]) -> dict[str, Any]:
    """Versions 1 and 2 said no day of their own for the due date: it counts from the day of the correction."""
    return {**older, "due_from": older["corrected_on"]}


# Stored names and versions. A class may be renamed; a stored name never changes.
OPEN_ITEM_CODEC: Final[Codec[OpenItemEvent]] = Codec(
    {
        "invoice-registered": (3, InvoiceRegistered),
        "number-shared": (1, NumberShared),
        "invoice-corrected": (3, InvoiceCorrected),
        "invoice-customer-changed": (1, InvoiceCustomerChanged),
        "payment-applied": (3, PaymentApplied),
        "payment-reversed": (1, PaymentReversed),
        "discount-granted": (1, DiscountGranted),
        "discount-withdrawn": (1, DiscountWithdrawn),
        "credit-memo-applied": (2, CreditMemoApplied),
        "payment-unapplied": (1, PaymentUnapplied),
        "credit-memo-unapplied": (1, CreditMemoUnapplied),
        "credit-memo-reversed": (1, CreditMemoReversed),
        "write-off-posted": (1, WriteOffPosted),
        "write-off-reversed": (1, WriteOffReversed),
        "invoice-cancelled": (1, InvoiceCancelled),
        "collection-handed-over": (1, CollectionHandedOver),
        "collection-taken-back": (1, CollectionTakenBack),
        "short-payment-detected": (2, ShortPaymentDetected),
        "remainder-left": (1, RemainderLeft),
        "remainder-tolerated": (1, RemainderTolerated),
        "dispute-reported": (3, DisputeReported),
        "hold-placed": (1, HoldPlaced),
        "hold-reduced": (1, HoldReduced),
        "hold-released": (1, HoldReleased),
        "past-hold-recorded": (1, PastHoldRecorded),
        "credit-awaited": (1, CreditAwaited),
        "recollection-task-opened": (1, RecoveryTaskOpened),
        "recovery-task-resized": (1, RecoveryTaskResized),
        "recovery-task-assigned": (1, RecoveryTaskAssigned),
        "recovery-task-done": (1, RecoveryTaskDone),
        "recovery-task-closed": (1, RecoveryTaskClosed),
    },
    {
        ("invoice-registered", 1): fields_added,
        ("invoice-registered", 2): fields_added,
        ("invoice-corrected", 1): fields_added,
        ("invoice-corrected", 2): _due_from_the_day_it_was_corrected,
        ("payment-applied", 1): fields_added,
        ("payment-applied", 2): fields_added,
        ("credit-memo-applied", 1): fields_added,
        ("short-payment-detected", 1): fields_added,
        ("dispute-reported", 1): fields_added,
        ("dispute-reported", 2): fields_added,
    },
)
