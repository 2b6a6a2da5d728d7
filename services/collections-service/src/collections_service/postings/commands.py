"""One posting of the ERP: a command to an invoice or a receipt, and the customer data that came along."""

from msgspec import Struct

from collections_service.customers.commands import RecordCustomer
from collections_service.open_items.commands import CorrectInvoice, RegisterInvoice
from collections_service.receipts.commands import PostCreditMemo, ReceivePayment, ReverseReceipt

LedgerCommand = RegisterInvoice | CorrectInvoice | ReceivePayment | PostCreditMemo | ReverseReceipt


class Posting(Struct, frozen=True, kw_only=True):
    """All of it is stored together or not at all."""

    command: LedgerCommand
    customer: RecordCustomer | None = None
