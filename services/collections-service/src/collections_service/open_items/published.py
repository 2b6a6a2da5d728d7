"""Stored event → published contract. Stored events are ours; published ones are a promise to others."""

from typing import assert_never
from uuid import UUID

from collections_service.open_items import events as stored
from collections_service.open_items.events import OpenItemEvent
from collections_service.open_items.state import OpenItem
from redress.contracts import collections_events as public
from redress.contracts.common import wire
from redress.money import Money


def published(  # noqa: C901, PLR0911, PLR0912 - one case per kind of event
    event: OpenItemEvent, _stream_id: UUID, after: OpenItem
) -> public.CollectionsEvent | None:
    """None for what is nobody else's business: claims as heard, remainders that are no deduction, past holds."""
    if after.terms is None:
        return None
    invoice = summary(after)
    nothing = Money(0, after.terms.total.currency)
    match event:
        case stored.InvoiceRegistered():
            return public.InvoiceRegistered(invoice=invoice)
        case stored.InvoiceCorrected():
            return public.InvoiceChanged(invoice=invoice)
        case stored.PaymentApplied():
            return public.PaymentApplied(
                invoice=invoice,
                source=event.source,
                payment_id=event.payment_id,
                received_on=event.received_on,
                applied=wire(event.amount),
            )
        case stored.PaymentReversed():
            return public.PaymentReversed(
                invoice=invoice,
                source=event.source,
                payment_id=event.payment_id,
                reversed_on=event.reversed_on,
                amount=wire(event.amount),
            )
        case stored.DiscountGranted():
            return public.DiscountGranted(
                invoice=invoice, source=event.source, payment_id=event.payment_id, granted=wire(event.amount)
            )
        case stored.DiscountWithdrawn():
            return public.DiscountWithdrawn(
                invoice=invoice, source=event.source, payment_id=event.payment_id, amount=wire(event.amount)
            )
        case stored.CreditMemoApplied():
            return public.CreditMemoApplied(
                invoice=invoice,
                credit_memo_id=event.credit_memo_id,
                issued_on=event.issued_on,
                applied=wire(event.amount),
            )
        case stored.ShortPaymentDetected():
            return public.ShortPaymentDetected(
                invoice=invoice,
                source=event.source,
                payment_id=event.payment_id,
                received_on=event.received_on,
                short=wire(event.short),
                tolerance_policy=event.policy,
                remittance_reason=event.remittance_reason,
                claim_number=event.claim_number,
                settles_in_full=event.settles_in_full,
            )
        case stored.HoldPlaced():
            return public.HoldPlaced(invoice=invoice, dispute_id=event.dispute_id, held=wire(event.held))
        case stored.HoldReduced(dispute_id=dispute_id, released=released, held=held, why=why):
            return public.HoldReleased(
                invoice=invoice, dispute_id=dispute_id, released=wire(released), held=wire(held), why=why
            )
        case stored.HoldReleased(dispute_id=dispute_id, released=released, why=why):
            return public.HoldReleased(
                invoice=invoice, dispute_id=dispute_id, released=wire(released), held=wire(nothing), why=why
            )
        case stored.RecoveryTaskOpened():
            return public.RecoveryTaskOpened(invoice=invoice, dispute_id=event.dispute_id, amount=wire(event.amount))
        case (
            stored.RemainderLeft()
            | stored.RemainderTolerated()
            | stored.DisputeReported()
            | stored.PastHoldRecorded()
            | stored.CreditAwaited()
        ):
            return None
        case _:
            assert_never(event)


def summary(item: OpenItem) -> public.InvoiceSummary:
    """The invoice as others may see it. The caller knows that it is registered."""
    if item.terms is None:
        raise ValueError("an invoice that is not registered has no summary")
    terms = item.terms
    currency = terms.total.currency
    return public.InvoiceSummary(
        invoice_id=terms.invoice_id,
        legal_entity=terms.legal_entity,
        customer_id=terms.customer_id,
        issued_on=terms.issued_on,
        due_on=terms.due_on,
        currency=currency,
        total=wire(terms.total),
        open=wire(Money(item.open_minor, currency)),
        disputed=wire(Money(item.held_minor, currency)),
        lines=tuple(public.InvoiceLine(line=line.line, amount=wire(line.amount)) for line in terms.lines),
        discount_percent=None if terms.discount is None else f"{terms.discount.percent:f}",
        discount_days=None if terms.discount is None else terms.discount.days,
        discount_granted=wire(Money(item.discount_minor, currency)),
        withheld_tax=wire(Money(item.withheld_minor, currency)),
    )
