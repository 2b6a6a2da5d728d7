"""What the ERP posted, as one thing to be stored: a command, the customer data that came along, and why."""

from datetime import datetime
from typing import Literal

from msgspec import Struct

from collections_service.customers.commands import RecordCustomer
from collections_service.open_items.commands import CorrectInvoice, RegisterInvoice
from collections_service.receipts.commands import PostCreditMemo, ReceivePayment, ReverseReceipt
from redress.eventlog.events import Meta

LedgerCommand = RegisterInvoice | CorrectInvoice | ReceivePayment | PostCreditMemo | ReverseReceipt


class Posting(Struct, frozen=True, kw_only=True):
    """`key` makes it happen once; `fingerprint` tells a repetition from another message that carries the same key.

    `answer` is stored with the key and returned to repetitions. `effective_at` is when it counts in the books.
    """

    command: LedgerCommand
    key: str
    fingerprint: bytes
    answer: bytes
    effective_at: datetime
    meta: Meta
    customer: RecordCustomer | None = None


class Outcome(Struct, frozen=True):
    """`how` is posted, already_so (the books said so before) or repeated (the key was used for the same content).

    `answer` is what is stored under the key: one's own, or that of the first message with this content.
    """

    how: Literal["posted", "already_so", "repeated"]
    answer: bytes
