"""Stored event → published contract. Stored events are ours; published ones are a promise to others."""

from typing import assert_never
from uuid import UUID

from collections_service.open_items import events as stored
from collections_service.open_items.events import OpenItemEvent
from collections_service.open_items.state import OpenItem
from redress.contracts import collections_events as public
from redress.contracts.common import WireMoney, wire
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
            return public.InvoiceChanged(
                invoice=invoice, corrected_on=event.corrected_on, corrects_from_start=event.from_start
            )
        case stored.InvoiceCustomerChanged():
            return public.InvoiceCustomerChanged(
                invoice=invoice, previous_customer_id=event.previous_customer_id, changed_on=event.changed_on
            )
        case stored.PaymentApplied():
            return public.PaymentApplied(
                invoice=invoice,
                source=event.source,
                payment_id=event.payment_id,
                received_on=event.received_on,
                applied=wire(event.amount),
                under_protest=event.under_protest,
            )
        case stored.PaymentReversed():
            return public.PaymentReversed(
                invoice=invoice,
                source=event.source,
                payment_id=event.payment_id,
                reversed_on=event.reversed_on,
                amount=wire(event.amount),
                left=_left(event.source, event.payment_id, after),
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
                source=event.source,
                credit_memo_id=event.credit_memo_id,
                issued_on=event.issued_on,
                applied=wire(event.amount),
                dispute_id=event.dispute_id,
            )
        case stored.PaymentUnapplied():
            return public.PaymentUnapplied(
                invoice=invoice,
                source=event.source,
                payment_id=event.payment_id,
                unapplied_on=event.unapplied_on,
                amount=wire(event.amount),
                left=_left(event.source, event.payment_id, after),
            )
        case stored.CreditMemoUnapplied():
            return public.CreditMemoUnapplied(
                invoice=invoice,
                source=event.source,
                credit_memo_id=event.credit_memo_id,
                unapplied_on=event.unapplied_on,
                amount=wire(event.amount),
            )
        case stored.CreditMemoReversed():
            return public.CreditMemoReversed(
                invoice=invoice,
                source=event.source,
                credit_memo_id=event.credit_memo_id,
                reversed_on=event.reversed_on,
                amount=wire(event.amount),
            )
        case stored.WriteOffPosted():
            return public.WriteOffPosted(
                invoice=invoice,
                source=event.source,
                write_off_id=event.write_off_id,
                posted_on=event.posted_on,
                kind=event.kind,
                amount=wire(event.amount),
            )
        case stored.WriteOffReversed():
            return public.WriteOffReversed(
                invoice=invoice,
                source=event.source,
                write_off_id=event.write_off_id,
                reversed_on=event.reversed_on,
                amount=wire(event.amount),
            )
        case stored.InvoiceCancelled():
            return public.InvoiceCancelled(invoice=invoice, cancelled_on=event.cancelled_on)
        case stored.CollectionHandedOver():
            return public.CollectionHandedOver(invoice=invoice, to=event.to, handed_on=event.handed_on)
        case stored.CollectionTakenBack():
            return public.CollectionTakenBack(invoice=invoice, taken_back_on=event.taken_back_on)
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
            stored.RecoveryTaskResized()
            | stored.RecoveryTaskAssigned()
            | stored.RecoveryTaskDone()
            | stored.RecoveryTaskClosed()
        ):
            return _task_changed(event.dispute_id, invoice, after)
        case (
            stored.RemainderLeft()
            | stored.RemainderTolerated()
            | stored.DisputeReported()
            | stored.PastHoldRecorded()
            | stored.CreditAwaited()
            | stored.NumberShared()
        ):
            return None
        case _:
            assert_never(event)


def _left(source: str, payment_id: str, after: OpenItem) -> WireMoney | None:
    """What the invoice still has of a payment."""
    if after.terms is None:
        return None
    return wire(Money(sum(each.left for each in after.paid_by(source, payment_id)), after.terms.total.currency))


def _task_changed(
    dispute_id: str, invoice: public.InvoiceSummary, after: OpenItem
) -> public.RecoveryTaskChanged | None:
    task = after.task(dispute_id)
    if task is None or after.terms is None:
        return None
    return public.RecoveryTaskChanged(
        invoice=invoice,
        dispute_id=dispute_id,
        state=task.state,
        amount=wire(Money(task.minor, after.terms.total.currency)),
        owner=task.owner,
        why=task.why,
    )


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
        first_entity=terms.first_entity,
        paid=wire(Money(item.paid_minor, currency)),
    )
