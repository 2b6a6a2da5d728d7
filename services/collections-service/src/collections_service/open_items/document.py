"""The current-state document of an invoice, written in the append's transaction, so that a caller reads its own write.

Amounts are minor units of the document's currency. Columns of lists are taken out of it (migrations).
"""

from collections.abc import Iterator, Sequence
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


class DueDate(Struct, frozen=True):
    """The due date from the day `on` on."""

    on: date
    due_on: date


class InvoiceDocument(Struct, frozen=True, kw_only=True):
    """`due_on` is the newest date that was recorded; `due_dates` are all of an invoice whose due date was corrected: a
    correction of a day to come does not count yet."""

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
    due_dates: tuple[DueDate, ...] = ()


def due_date(due_on: date, due_dates: Sequence[DueDate], day: date) -> date:
    """The due date that counts on a day; of a day before the first one, the first."""
    if not due_dates:
        return due_on
    return next((each.due_on for each in reversed(due_dates) if each.on <= day), due_dates[0].due_on)


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
            due_dates=tuple(_due_dates(item)),
        )
    )


def _due_dates(item: OpenItem) -> Iterator[DueDate]:
    days = {each.due_from for each in item.corrections if each.due_from is not None}
    if item.registered is None or not days:
        return
    for day in sorted({item.registered.issued_on, *days}):
        if terms := item.terms_on(day):
            yield DueDate(day, terms.due_on)
