"""Why something about a receipt is not accepted.

ReceiptRefusal
├── ReceiptNotKnown            the payment to be reversed is not known (yet): the sender's item waits for it
├── ReceiptDiffers             the payment or credit memo is known with other content
├── AllocationsExceedAmount    more is allocated than was received
├── ReversalNotWhole           a part of a payment is to be reversed
└── InvoiceNamedTwice          one invoice appears in two allocations
"""

from redress.money import Money
from redress.refusal import Refusal


class ReceiptRefusal(Refusal):
    """Nothing about the receipt was changed."""


class ReceiptNotKnown(ReceiptRefusal):
    code = "payment_not_known"
    title = "The payment is not known"
    kind = "absent"

    def __init__(self, payment_id: str) -> None:
        super().__init__(f"payment {payment_id} is not known yet")
        self.payment_id = payment_id


class ReceiptDiffers(ReceiptRefusal):
    code = "receipt_differs"
    title = "The receipt is known with other content"
    kind = "conflict"

    def __init__(self, receipt_id: str) -> None:
        super().__init__(f"{receipt_id} is already recorded with another customer, date, amount or allocation")


class ReversalNotWhole(ReceiptRefusal):
    code = "reversal_not_whole"
    title = "A payment comes back as a whole"
    kind = "conflict"

    def __init__(self, payment_id: str, amount: Money, whole: Money) -> None:
        super().__init__(f"payment {payment_id} is {whole} and comes back as a whole, not {amount} of it")


class AllocationsExceedAmount(ReceiptRefusal):
    code = "allocations_exceed_amount"
    title = "More is allocated than was received"

    def __init__(self, allocated: Money, amount: Money) -> None:
        super().__init__(f"the allocations add up to {allocated}, which is more than {amount}")


class InvoiceNamedTwice(ReceiptRefusal):
    code = "invoice_named_twice"
    title = "An invoice is named twice"

    def __init__(self, invoice_id: str) -> None:
        super().__init__(f"invoice {invoice_id} is named in two allocations; name it once with the whole amount")
