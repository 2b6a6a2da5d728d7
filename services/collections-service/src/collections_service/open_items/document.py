"""The current-state document of an invoice, written in the append's transaction, so that a caller reads its own write.

Amounts are minor units of the document's currency. Columns of lists are taken out of it (migrations).
"""

from datetime import date
from uuid import UUID

import msgspec
from msgspec import Struct

from collections_service.open_items.events import Line
from collections_service.open_items.state import OpenItem


class HoldDocument(Struct, frozen=True, kw_only=True):
    """The part of an invoice that one dispute holds; `awaiting_credit` is the granted part of it."""

    dispute_id: str
    held: int
    awaiting_credit: int


class InvoiceDocument(Struct, frozen=True, kw_only=True):
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
    holds: tuple[HoldDocument, ...]
    tax: int | None
    lines: tuple[Line, ...]
    po_number: str | None
    discount_granted: int = 0
    withheld_tax: int = 0


_encoder = msgspec.json.Encoder()


def invoice_document(_stream_id: UUID, _version: int, item: OpenItem) -> bytes | None:
    """None for an invoice that only disputes spoke of."""
    if item.terms is None:
        return None
    terms = item.terms
    return _encoder.encode(
        InvoiceDocument(
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
                HoldDocument(
                    dispute_id=c.dispute_id, held=c.held_now, awaiting_credit=min(c.awaiting_credit, c.held_now)
                )
                for c in item.claims
                if c.held_now
            ),
            tax=terms.tax.minor if terms.tax else None,
            lines=terms.lines,
            po_number=terms.po_number,
            discount_granted=item.discount_minor,
            withheld_tax=item.withheld_minor,
        )
    )
