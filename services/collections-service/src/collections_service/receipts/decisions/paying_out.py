"""Unapplied cash is paid out."""

from collections_service.open_items.state import first_day_with_room
from collections_service.receipts.commands import RefundReceipt
from collections_service.receipts.decisions.allocating import NOTHING, CashApplication, known_receipt, same_step
from collections_service.receipts.events import ReceiptRefunded
from collections_service.receipts.refusals import ReceiptCurrencyDiffers, UnappliedExceeded
from collections_service.receipts.state import Happened, Receipt


def refund(command: RefundReceipt, receipt: Receipt) -> CashApplication:
    """Unapplied money is paid out. More than is unapplied is refused: it is taken off invoices first."""
    recorded = known_receipt(command.receipt, receipt)
    known = recorded.known("refunded", command.refund_id)
    if known is not None:
        amounts = ((command.dispute_id or "", command.amount.minor),)
        same_step(known, Happened(kind="refunded", name=command.refund_id, on=command.refunded_on, amounts=amounts))
        return NOTHING
    if command.amount.currency != recorded.amount.currency:
        raise ReceiptCurrencyDiffers(recorded.receipt_id, recorded.amount.currency, command.amount.currency)
    if recorded.unapplied < command.amount:
        raise UnappliedExceeded(recorded.receipt_id, command.amount, recorded.unapplied).at("amount")
    from_day = max(command.refunded_on, recorded.received_on)
    refunded = ReceiptRefunded(
        refund_id=command.refund_id,
        receipt_id=recorded.receipt_id,
        customer_id=recorded.customer_id,
        refunded_on=command.refunded_on,
        effective_on=first_day_with_room(recorded.cash, from_day, command.amount.minor),
        amount=command.amount,
        reason=command.reason,
        dispute_id=command.dispute_id,
    )
    return CashApplication((refunded,), {})
