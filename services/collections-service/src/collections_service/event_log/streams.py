"""The three kinds of streams and the ids of their members. The same names always give the same stream."""

from typing import Final
from uuid import UUID

from collections_service.customers import state as customers
from collections_service.customers.events import CustomerEvent
from collections_service.customers.state import Customer
from collections_service.event_log.codec import CUSTOMER_CODEC, OPEN_ITEM_CODEC, RECEIPT_CODEC
from collections_service.event_log.current import current_customer, current_invoice, current_receipt
from collections_service.open_items import state as open_items
from collections_service.open_items.events import OpenItemEvent
from collections_service.open_items.state import OpenItem
from collections_service.receipts import state as receipts
from collections_service.receipts.events import ReceiptEvent
from collections_service.receipts.state import Receipt
from redress.eventlog.aggregates import Aggregate
from redress.ids import derived_uuid

INVOICE: Final[Aggregate[OpenItem, OpenItemEvent]] = Aggregate(
    stream_type="invoice",
    initial=OpenItem(),
    evolve=open_items.evolve,
    codec=OPEN_ITEM_CODEC,
    current=current_invoice,
)
RECEIPT: Final[Aggregate[Receipt, ReceiptEvent]] = Aggregate(
    stream_type="receipt",
    initial=Receipt(),
    evolve=receipts.evolve,
    codec=RECEIPT_CODEC,
    current=current_receipt,
)
CUSTOMER: Final[Aggregate[Customer, CustomerEvent]] = Aggregate(
    stream_type="customer",
    initial=Customer(),
    evolve=customers.evolve,
    codec=CUSTOMER_CODEC,
    current=current_customer,
)


def invoice_stream(tenant_id: str, invoice_id: str) -> UUID:
    """An invoice number is unique in a company; which ERP posted it does not matter."""
    return derived_uuid("invoice", tenant_id, invoice_id)


def receipt_stream(tenant_id: str, source: str, payment_id: str) -> UUID:
    return derived_uuid("receipt", tenant_id, source, payment_id)


def credit_memo_stream(tenant_id: str, source: str, credit_memo_id: str) -> UUID:
    """A stream of the receipt kind; a payment and a credit memo may carry the same number."""
    return derived_uuid("receipt", tenant_id, source, "credit-memo", credit_memo_id)


def customer_stream(tenant_id: str, customer_id: str) -> UUID:
    return derived_uuid("customer", tenant_id, customer_id)
