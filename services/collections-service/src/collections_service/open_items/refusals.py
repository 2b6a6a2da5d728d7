"""Why something about an invoice is not accepted.

OpenItemRefusal
├── InvoiceNotRegistered       the invoice is not known (yet): the sender's item waits for it
├── AmbiguousInvoice           several legal entities have an invoice with this number, and none is named
├── NumberInTooManyEntities    one more legal entity would use the number than are taken
├── InvoiceDiffers             the invoice is known with other content
├── CurrencyDiffers            an amount is in another currency than the invoice
├── CannotBeCorrected          customer, currency or issue date would change
├── BelowSettledAmount         the corrected total is less than what is paid and credited already
├── InvoiceIsCancelled         the invoice was cancelled: its number is not used again
├── CancelledWithMoney         an invoice that is to be cancelled is paid or credited in part
├── WriteOffExceedsOpen        more is to be written off than is open
├── WriteOffDiffers            the write-off is known with other content, or was taken back since
├── WriteOffNotKnown           a write-off that is to be taken back is not known on this invoice
├── ReversalExceedsWriteOff    more of a write-off is to be taken back than is left of it
├── WriteOffReversalDiffers    the taking back of a write-off is known with other content
└── RecoveryTaskRefusal
    ├── NoSuchTask             there is no recovery task with this id in this company
    ├── TaskTaken              somebody else has it in hand: it can be handed over
    └── TaskIsOver             it is done, or its dispute goes on
"""

from datetime import date
from typing import Final

from redress.money import Money
from redress.refusal import Refusal

_SHOWN: Final = 20  # candidates that a refusal names


class OpenItemRefusal(Refusal):
    """Nothing about the invoice was changed."""


class InvoiceNotRegistered(OpenItemRefusal):
    code = "invoice_not_known"
    title = "The invoice is not known"
    kind = "absent"

    def __init__(self, invoice_id: str, legal_entity: str | None = None) -> None:
        of_entity = "" if legal_entity is None else f" of {legal_entity}"
        super().__init__(f"invoice {invoice_id}{of_entity} is not known yet")
        self.invoice_id = invoice_id
        self.legal_entity = legal_entity


class AmbiguousInvoice(OpenItemRefusal):
    code = "ambiguous_invoice"
    title = "Several legal entities have an invoice with this number"
    kind = "conflict"

    def __init__(self, invoice_id: str, legal_entities: tuple[str, ...]) -> None:
        super().__init__(
            f"{', '.join(legal_entities[:_SHOWN])} have an invoice {invoice_id} each; say whose it is",
            place=("legal_entity",),
            allowed=legal_entities[:_SHOWN],
            details={"invoice_id": invoice_id, "legal_entities": legal_entities[:_SHOWN]},
        )


class NumberInTooManyEntities(OpenItemRefusal):
    code = "number_in_too_many_entities"
    title = "Too many legal entities use the number"
    kind = "conflict"

    def __init__(self, invoice_id: str, most: int) -> None:
        super().__init__(f"{most} legal entities beside the first use the number {invoice_id}; no more are taken")


class InvoiceDiffers(OpenItemRefusal):
    code = "invoice_differs"
    title = "The invoice is known with other content"
    kind = "conflict"

    def __init__(self, invoice_id: str, field: str, known: str, sent: str) -> None:
        super().__init__(
            f"invoice {invoice_id} is already registered with {field} {known}, not {sent}; "
            "an invoice changes by invoice-corrected, its customer by invoice-customer-changed"
        )


class CurrencyDiffers(OpenItemRefusal):
    code = "currency_differs"
    title = "The amount is in another currency than the invoice"
    kind = "conflict"

    def __init__(self, invoice_id: str, currency: str, sent: str) -> None:
        super().__init__(
            f"invoice {invoice_id} is in {currency}; {sent} cannot be set against it without a recorded rate"
        )


class CannotBeCorrected(OpenItemRefusal):
    code = "cannot_be_corrected"
    title = "This cannot be corrected on a posted invoice"
    kind = "conflict"

    def __init__(
        self, invoice_id: str, field: str, known: str, sent: str, instead: str = "credit it and post a new invoice"
    ) -> None:
        super().__init__(f"the {field} of invoice {invoice_id} is {known} and cannot become {sent}; {instead}")


class BelowSettledAmount(OpenItemRefusal):
    code = "below_settled_amount"
    title = "The total is below what is settled already"
    kind = "conflict"

    def __init__(self, invoice_id: str, total: Money, settled: Money) -> None:
        super().__init__(
            f"invoice {invoice_id} cannot become {total}: {settled} is paid or credited; reverse the payment first"
        )


class RecoveryTaskRefusal(OpenItemRefusal):
    """Any of the reasons about a task."""


class NoSuchTask(RecoveryTaskRefusal):
    code = "recovery_task_not_found"
    title = "There is no such recovery task"
    kind = "absent"

    def __init__(self) -> None:
        super().__init__("No recovery task with this id exists in this company.")


class TaskTaken(RecoveryTaskRefusal):
    code = "recovery_task_taken"
    title = "Somebody else has taken the recovery task"
    kind = "conflict"

    def __init__(self, owner: str, allowed_actions: tuple[str, ...]) -> None:
        super().__init__(f"{owner} has taken the task; it can be handed over.", details={"owner": owner})
        self.allowed_actions = allowed_actions


class TaskIsOver(RecoveryTaskRefusal):
    code = "recovery_task_over"
    title = "The recovery task is over"
    kind = "conflict"

    def __init__(self, state: str) -> None:
        super().__init__(f"The task is {state}; nothing can be done with it any more.", details={"state": state})
        self.allowed_actions = ()


class InvoiceIsCancelled(OpenItemRefusal):
    code = "invoice_is_cancelled"
    title = "The invoice was cancelled"
    kind = "conflict"

    def __init__(self, invoice_id: str, on: date) -> None:
        super().__init__(f"invoice {invoice_id} was cancelled on {on}; post a new one under another number")


class CancelledWithMoney(OpenItemRefusal):
    code = "cancelled_with_money"
    title = "The invoice is paid or credited in part"
    kind = "conflict"

    def __init__(self, invoice_id: str, settled: Money) -> None:
        super().__init__(
            f"{settled} of invoice {invoice_id} is paid, credited or written off; take it off the invoice first "
            "(receipt-unapplied, payment-reversed, credit-memo-reversed, write-off-reversed)",
            place=("invoice_id",),
        )


class WriteOffExceedsOpen(OpenItemRefusal):
    code = "write_off_exceeds_open"
    title = "More is written off than is open"
    kind = "conflict"

    def __init__(self, invoice_id: str, amount: Money, is_open: Money) -> None:
        super().__init__(
            f"{amount} cannot be written off on invoice {invoice_id}: {is_open} is open",
            place=("amount",),
            allowed=f"up to {is_open}",
        )


class WriteOffDiffers(OpenItemRefusal):
    code = "write_off_differs"
    title = "The write-off is known with other content"
    kind = "conflict"

    def __init__(self, write_off_id: str, taken_back: Money | None = None) -> None:
        words = "is already recorded with another date, amount or kind"
        if taken_back is not None:
            words = f"was recorded so, and {taken_back} of it was taken back since; a new one has a number of its own"
        super().__init__(f"write-off {write_off_id} {words}", place=("write_off_id",))


class WriteOffNotKnown(OpenItemRefusal):
    code = "write_off_not_known"
    title = "The write-off is not known"
    kind = "absent"

    def __init__(self, write_off_id: str, invoice_id: str) -> None:
        super().__init__(
            f"no write-off {write_off_id} is known on invoice {invoice_id}; send it again when that has come",
            place=("write_off_id",),
        )


class ReversalExceedsWriteOff(OpenItemRefusal):
    code = "reversal_exceeds_write_off"
    title = "More is taken back than is left of the write-off"
    kind = "conflict"

    def __init__(self, write_off_id: str, amount: Money | None, left: Money) -> None:
        wanted = "more" if amount is None else str(amount)
        super().__init__(
            f"{wanted} of write-off {write_off_id} cannot be taken back: {left} is left of it",
            place=("amount",),
            allowed=f"up to {left}",
        )


class WriteOffReversalDiffers(OpenItemRefusal):
    code = "write_off_reversal_differs"
    title = "The reversal is known with other content"
    kind = "conflict"

    def __init__(self, reversal_id: str) -> None:
        super().__init__(
            f"reversal {reversal_id} is already recorded with another date or amount", place=("reversal_id",)
        )
