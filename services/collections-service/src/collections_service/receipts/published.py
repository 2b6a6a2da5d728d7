"""Stored event → published contract. Stored events are ours; published ones are a promise to others."""

from collections.abc import Iterable
from typing import assert_never
from uuid import UUID

from collections_service.receipts.events import (
    Allocation,
    CreditMemoCancelled,
    CreditMemoPosted,
    PayerIdentified,
    PaymentReceived,
    ReceiptApplied,
    ReceiptEvent,
    ReceiptRefunded,
    ReceiptReversed,
    ReceiptUnapplied,
)
from collections_service.receipts.state import Receipt, RecordedReceipt
from redress.contracts import collections_events as public
from redress.contracts.common import wire
from redress.money import Money, total


def published(  # noqa: PLR0911 - one return per kind of event
    event: ReceiptEvent, _stream_id: UUID, after: Receipt
) -> public.CollectionsEvent | None:
    """Refunds; cash that no invoice has taken, when there is some or was some; and credit on account, which is not
    cash."""
    recorded = after.recorded
    if recorded is None:
        return None
    match event:
        case ReceiptRefunded():
            return public.RefundPosted(
                refund_id=event.refund_id,
                receipt_kind=recorded.kind,
                receipt_id=event.receipt_id,
                customer_id=event.customer_id,
                refunded_on=event.refunded_on,
                amount=wire(event.amount),
                unapplied=wire(recorded.unapplied),
                legal_entity=recorded.legal_entity,
                source=recorded.source,
                dispute_id=event.dispute_id,
            )
        case CreditMemoPosted() if event.unapplied.minor:
            return _credit_on_account(event)
        case CreditMemoCancelled() if event.unapplied_returned.minor:
            return _credit_on_account_gone(event, recorded)
        case ReceiptReversed() if event.unapplied_returned.minor:
            return _unapplied_cash(recorded)
        case PaymentReceived() | PayerIdentified() if recorded.unapplied.minor:
            return _unapplied_cash(recorded)
        case ReceiptApplied() | ReceiptUnapplied() if recorded.kind == "payment":
            return _unapplied_cash(recorded)
        case (
            PaymentReceived()
            | PayerIdentified()
            | ReceiptReversed()
            | ReceiptApplied()
            | ReceiptUnapplied()
            | CreditMemoPosted()
            | CreditMemoCancelled()
        ):
            return None
        case _:
            assert_never(event)


def _credit_on_account(event: CreditMemoPosted) -> public.CreditOnAccountPosted:
    return public.CreditOnAccountPosted(
        source=event.source,
        credit_memo_id=event.credit_memo_id,
        customer_id=event.customer_id,
        issued_on=event.issued_on,
        unapplied=wire(event.unapplied),
        meant_for=_meant_for(event.allocations, event.unapplied, event.dispute_id),
    )


def _credit_on_account_gone(event: CreditMemoCancelled, recorded: RecordedReceipt) -> public.CreditOnAccountReversed:
    came = recorded.amount - total((each.applied for each in recorded.allocations), recorded.amount.currency)
    return public.CreditOnAccountReversed(
        source=recorded.source,
        credit_memo_id=event.credit_memo_id,
        customer_id=event.customer_id,
        reversed_on=event.reversed_on,
        amount=wire(event.unapplied_returned),
        meant_for=_meant_for(recorded.allocations, came, recorded.dispute_id),
    )


def _meant_for(
    allocations: Iterable[Allocation], unapplied: Money, dispute_id: str | None
) -> tuple[public.CreditMeantFor, ...]:
    """What was meant for an invoice and found nothing open there answers a claim after payment, if there is one; the
    rest the claim that the memo names."""
    left = unapplied
    meant: list[public.CreditMeantFor] = []
    for each in allocations:
        rest = min(each.named - each.applied, left)
        if rest.minor:
            meant.append(
                public.CreditMeantFor(
                    invoice_id=each.invoice_id,
                    dispute_id=each.dispute_id or dispute_id,
                    amount=wire(rest),
                    legal_entity=each.legal_entity,
                )
            )
            left -= rest
    if left.minor and dispute_id is not None:
        meant.append(public.CreditMeantFor(invoice_id=None, dispute_id=dispute_id, amount=wire(left)))
    return tuple(meant)


def _unapplied_cash(recorded: RecordedReceipt) -> public.UnappliedCashChanged:
    return public.UnappliedCashChanged(
        source=recorded.source,
        payment_id=recorded.receipt_id,
        customer_id=recorded.customer_id,
        received_on=recorded.received_on,
        unapplied=wire(recorded.unapplied),
        legal_entity=recorded.legal_entity,
    )
