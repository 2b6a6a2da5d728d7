"""Why something about an invoice is not accepted.

OpenItemRefusal
├── InvoiceNotRegistered       the invoice is not known (yet): the sender's item waits for it
├── InvoiceDiffers             the invoice is known with other content
├── CurrencyDiffers            an amount is in another currency than the invoice
├── CannotBeCorrected          customer, currency or issue date would change
└── BelowSettledAmount         the corrected total is less than what is paid and credited already
"""

from redress.money import Money


class OpenItemRefusal(Exception):
    """`code` is stable and machine readable; the message says what is wrong in words."""

    code = "refused"


class InvoiceNotRegistered(OpenItemRefusal):
    code = "invoice_not_known"

    def __init__(self, invoice_id: str) -> None:
        super().__init__(f"invoice {invoice_id} is not known yet")
        self.invoice_id = invoice_id


class InvoiceDiffers(OpenItemRefusal):
    code = "invoice_differs"

    def __init__(self, invoice_id: str, field: str, known: str, sent: str) -> None:
        super().__init__(
            f"invoice {invoice_id} is already registered with {field} {known}, not {sent}; "
            "an invoice changes by invoice-corrected"
        )


class CurrencyDiffers(OpenItemRefusal):
    code = "currency_differs"

    def __init__(self, invoice_id: str, currency: str, sent: str) -> None:
        super().__init__(
            f"invoice {invoice_id} is in {currency}; {sent} cannot be set against it without a recorded rate"
        )


class CannotBeCorrected(OpenItemRefusal):
    code = "cannot_be_corrected"

    def __init__(self, invoice_id: str, field: str, known: str, sent: str) -> None:
        super().__init__(
            f"the {field} of invoice {invoice_id} is {known} and cannot become {sent}; credit it and post a new invoice"
        )


class BelowSettledAmount(OpenItemRefusal):
    code = "below_settled_amount"

    def __init__(self, invoice_id: str, total: Money, settled: Money) -> None:
        super().__init__(
            f"invoice {invoice_id} cannot become {total}: {settled} is paid or credited; reverse the payment first"
        )
