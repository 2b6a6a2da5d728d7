"""The current-state documents that are written in the append's transaction, so that a caller reads its own write.

Amounts are minor units of the document's currency. Migration 0008 says which columns are made out of them. None: the
stream has no row, such as an invoice that only disputes spoke of.
"""

from datetime import date
from uuid import UUID

import msgspec
from msgspec import Struct

from collections_service.customers.state import Customer
from collections_service.open_items.events import Line
from collections_service.open_items.state import OpenItem
from collections_service.receipts.state import Receipt
from redress.contracts.common import Sealed


class CurrentHold(Struct, frozen=True, kw_only=True):
    """What one dispute holds of an invoice; `awaiting_credit` is the granted part of it."""

    dispute_id: str
    held: int
    awaiting_credit: int


class CurrentInvoice(Struct, frozen=True, kw_only=True):
    invoice_id: str
    source: str
    legal_entity: str
    customer_id: str
    issued_on: date
    due_on: date
    currency: str
    total: int
    open: int
    held: int
    holds: tuple[CurrentHold, ...]
    tax: int | None
    lines: tuple[Line, ...]
    po_number: str | None


class CurrentReceipt(Struct, frozen=True, kw_only=True):
    kind: str
    source: str
    receipt_id: str
    customer_id: str
    received_on: date
    currency: str
    amount: int
    applied: int
    unapplied: int
    returned: int


class CurrentCustomer(Struct, frozen=True, kw_only=True):
    customer_id: str
    name: Sealed | None
    email: Sealed | None
    language: str | None


_encoder = msgspec.json.Encoder()


def current_invoice(_stream_id: UUID, _version: int, item: OpenItem) -> bytes | None:
    if item.terms is None:
        return None
    terms = item.terms
    return _encoder.encode(
        CurrentInvoice(
            invoice_id=terms.invoice_id,
            source=terms.source,
            legal_entity=terms.legal_entity,
            customer_id=terms.customer_id,
            issued_on=terms.issued_on,
            due_on=terms.due_on,
            currency=terms.total.currency,
            total=terms.total.minor,
            open=item.open_minor,
            held=item.held_minor,
            holds=tuple(
                CurrentHold(
                    dispute_id=c.dispute_id, held=c.held_now, awaiting_credit=min(c.awaiting_credit, c.held_now)
                )
                for c in item.claims
                if c.held_now
            ),
            tax=terms.tax.minor if terms.tax else None,
            lines=terms.lines,
            po_number=terms.po_number,
        )
    )


def current_receipt(_stream_id: UUID, _version: int, receipt: Receipt) -> bytes | None:
    recorded = receipt.recorded
    if recorded is None:
        return None
    return _encoder.encode(
        CurrentReceipt(
            kind=recorded.kind,
            source=recorded.source,
            receipt_id=recorded.receipt_id,
            customer_id=recorded.customer_id,
            received_on=recorded.received_on,
            currency=recorded.amount.currency,
            amount=recorded.amount.minor,
            applied=receipt.applied_minor,
            unapplied=recorded.unapplied.minor,
            returned=recorded.returned.minor,
        )
    )


def current_customer(_stream_id: UUID, _version: int, customer: Customer) -> bytes | None:
    if customer.customer_id is None:
        return None
    return _encoder.encode(
        CurrentCustomer(
            customer_id=customer.customer_id, name=customer.name, email=customer.email, language=customer.language
        )
    )
