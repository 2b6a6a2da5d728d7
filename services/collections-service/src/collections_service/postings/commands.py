"""One posting of the ERP: a command to an invoice or a receipt, and the customer data that came along."""

from msgspec import Struct

from collections_service.customers.commands import RecordCustomer
from collections_service.open_items.commands import (
    CancelInvoice,
    ChangeCustomer,
    CorrectInvoice,
    HandOverCollection,
    PostWriteOff,
    RegisterInvoice,
    ReverseWriteOff,
    TakeCollectionBack,
)
from collections_service.receipts.commands import (
    ApplyReceipt,
    IdentifyPayer,
    PostCreditMemo,
    ReceivePayment,
    RefundReceipt,
    ReverseReceipt,
    UnapplyReceipt,
)

ChangingInvoice = (
    CorrectInvoice
    | ChangeCustomer
    | PostWriteOff
    | ReverseWriteOff
    | CancelInvoice
    | HandOverCollection
    | TakeCollectionBack
)
InvoicePosting = RegisterInvoice | ChangingInvoice
ReceiptPosting = (
    ReceivePayment | PostCreditMemo | ApplyReceipt | UnapplyReceipt | ReverseReceipt | RefundReceipt | IdentifyPayer
)
LedgerCommand = InvoicePosting | ReceiptPosting


class Posting(Struct, frozen=True, kw_only=True):
    """All of it is stored together or not at all."""

    command: LedgerCommand
    customer: RecordCustomer | None = None
