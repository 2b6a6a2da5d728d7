"""Why something about a receipt is not accepted.

ReceiptRefusal
├── ReceiptNotKnown            the payment or credit memo is not known (yet): the sender's item waits for it
├── ReceiptDiffers             the payment or credit memo is known with other content
├── ReceiptMovedOn             it is known with this content, and has been returned or applied otherwise since
├── ReceiptCurrencyDiffers     an amount is in another currency than the receipt
├── AllocationsExceedAmount    more is allocated than was received
├── UnappliedExceeded          more is to be applied or refunded than no invoice has
├── NotOnInvoice               more is to be taken off an invoice than it has of the receipt
├── ReversalExceedsReceipt     more is to come back than is left
├── PayerIsKnown               the payer of a payment would change
├── StepDiffers                an application, reversal or refund is known with other content
└── InvoiceNamedTwice          one invoice appears in two allocations
"""

from datetime import date

from redress.money import Money
from redress.refusal import Refusal


class ReceiptRefusal(Refusal):
    """Nothing about the receipt was changed."""


class ReceiptNotKnown(ReceiptRefusal):
    code = "payment_not_known"
    title = "The payment is not known"
    kind = "absent"

    def __init__(self, number: str, kind: str = "payment") -> None:
        super().__init__(f"{'credit memo' if kind == 'credit_memo' else 'payment'} {number} is not known yet")
        self.number = number
        self.receipt_kind = kind


class ReceiptDiffers(ReceiptRefusal):
    code = "receipt_differs"
    title = "The receipt is known with other content"
    kind = "conflict"

    def __init__(self, receipt_id: str) -> None:
        super().__init__(f"{receipt_id} is already recorded with another customer, date, amount or allocation")


class ReceiptMovedOn(ReceiptRefusal):
    code = "receipt_moved_on"
    title = "The receipt is no longer as it came"
    kind = "conflict"

    def __init__(self, receipt_id: str, returned_on: date | None) -> None:
        since = "applied, unapplied or refunded" if returned_on is None else f"returned on {returned_on}"
        super().__init__(
            f"{receipt_id} was recorded so, and has been {since} since; a payment that is presented again has a value "
            "date from the day on which all of it had come back"
        )


class ReceiptCurrencyDiffers(ReceiptRefusal):
    code = "receipt_currency_differs"
    title = "The amount is in another currency than the receipt"
    kind = "conflict"

    def __init__(self, receipt_id: str, currency: str, sent: str) -> None:
        super().__init__(f"{receipt_id} is in {currency}, not in {sent}", place=("currency",), allowed=currency)


class AllocationsExceedAmount(ReceiptRefusal):
    code = "allocations_exceed_amount"
    title = "More is allocated than was received"

    def __init__(self, allocated: Money, amount: Money) -> None:
        super().__init__(f"the allocations add up to {allocated}, which is more than {amount}")


class UnappliedExceeded(ReceiptRefusal):
    code = "unapplied_exceeded"
    title = "More than is unapplied"
    kind = "conflict"

    def __init__(self, receipt_id: str, wanted: Money, unapplied: Money) -> None:
        super().__init__(
            f"{wanted} is more than no invoice has of {receipt_id}, which is {unapplied}", allowed=f"up to {unapplied}"
        )


class NotOnInvoice(ReceiptRefusal):
    code = "not_on_invoice"
    title = "The invoice does not have that of the receipt"
    kind = "conflict"

    def __init__(self, receipt_id: str, invoice_id: str, wanted: Money | None, has: Money) -> None:
        what = "nothing" if wanted is None or not has.minor else f"{has} and not {wanted}"
        super().__init__(f"invoice {invoice_id} has {what} of {receipt_id}", allowed=f"up to {has}")


class ReversalExceedsReceipt(ReceiptRefusal):
    code = "reversal_exceeds_receipt"
    title = "More comes back than is left"
    kind = "conflict"

    def __init__(self, receipt_id: str, amount: Money, left: Money) -> None:
        super().__init__(
            f"{amount} of {receipt_id} cannot come back: {left} is left that was neither returned nor refunded",
            place=("amount",),
            allowed=f"up to {left}",
        )


class StepDiffers(ReceiptRefusal):
    code = "step_differs"
    title = "The step is known with other content"
    kind = "conflict"

    def __init__(self, kind: str, name: str) -> None:
        super().__init__(f"{name} was already {kind} with another date, amount or invoice")


class PayerIsKnown(ReceiptRefusal):
    code = "payer_is_known"
    title = "The payer is known already"
    kind = "conflict"

    def __init__(self, receipt_id: str, customer_id: str) -> None:
        super().__init__(
            f"{receipt_id} is of customer {customer_id}; a payment of another customer is reversed and posted anew",
            allowed=customer_id,
        )


class InvoiceNamedTwice(ReceiptRefusal):
    code = "invoice_named_twice"
    title = "An invoice is named twice"

    def __init__(self, invoice_id: str) -> None:
        super().__init__(f"invoice {invoice_id} is named in two allocations; name it once with the whole amount")
